"""Tasks side by side in processes that stay: what one has set up first, all its tasks use."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(
    task: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    prepare: Callable[..., None],
    *given: object,
) -> Iterator[Result]:
    """The results as they come, in any order. ``prepare`` is called with what is ``given``, once in each process.

    When a task fails, its error comes out here; what has not begun never does, and what goes on is ended. So it is as
    well when whoever takes the results goes away.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(items)), spawn, prepare, given) as pool:
        waiting = [pool.submit(task, item) for item in items]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise
