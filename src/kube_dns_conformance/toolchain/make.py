"""Making a unit that is not there: its release, else a build with Go, into the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.toolchain import gobuild, release
from kube_dns_conformance.toolchain.cache import Slot, make_private, one_clear_error
from kube_dns_conformance.toolchain.locate import wrong_version
from kube_dns_conformance.toolchain.process import exit_on_sigterm
from kube_dns_conformance.toolchain.table import Unit


def make(slot: Slot, note: Callable[[str], None]) -> dict[str, Path]:
    """Get the slot's unit into the cache, or wait for the process that is doing so; its binaries by name.

    Raises:
        ToolchainError: it cannot be had; the text says what was tried and what would help.
    """
    with one_clear_error(slot), slot.locked():
        if not slot.binaries():
            with exit_on_sigterm(), slot.work_directory() as work:
                made = work / "made"
                make_private(made)
                source = _fill(slot.unit, made, work, note)
                _insist(slot.unit, made)
                slot.publish(made, work, source)
                note(f"{slot.unit}: made from {source}")
    finished = slot.binaries()
    if finished is None:
        raise ToolchainError(f"{slot.path} was changed by something else just after it was made")
    return finished


def _fill(unit: Unit, made: Path, work: Path, note: Callable[[str], None]) -> dict[str, object]:
    try:
        return release.download(unit, made, work)
    except release.NotPublishedError as reason:
        note(f"{unit}: no release: {reason}")
        return gobuild.build(unit, made, work, so_far=f"its release cannot be had ({reason})")


def _insist(unit: Unit, made: Path) -> None:
    for binary in unit.binaries:
        path = made / binary
        path.chmod(0o755)
        wrong = wrong_version(unit, binary, path)
        if wrong:
            raise ToolchainError(
                f"{binary} was made for {unit}, but {wrong}",
                f"if {made} is on a file system that runs no programs (noexec), KDC_CACHE=DIRECTORY moves the cache",
            )
