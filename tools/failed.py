"""Say last of all what failed: ``python -m tools.failed RESULT.json``, the file of ``tox run-parallel --result-json``.

What tox prints of one environment is far above by the time that the last has ended.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LINES = 25


def told(result: dict[str, Any]) -> Iterator[str]:
    """Of each environment that failed its last lines, under its name."""
    for name, environment in result.get("testenvs", {}).items():
        for command in environment.get("test", []):
            if command["retcode"]:
                yield f"--- {name} failed with status {command['retcode']}, and said last:"
                yield from f"{command['output']}{command['err']}".splitlines()[-LINES:]


def main() -> None:
    """The command line. Without a result, as after Ctrl-C, there is nothing to say."""
    path = Path(sys.argv[1])
    for line in told(json.loads(path.read_text())) if path.exists() else ():
        print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
