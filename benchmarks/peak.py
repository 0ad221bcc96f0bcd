"""The peak memory of a command and of it alone: ``python -m benchmarks.peak FILE COMMAND...`` writes it.

The kernel counts the memory of whoever starts a process as that process's own; this one is small.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path


def measured(file: str, command: list[str]) -> list[str]:
    """The command that runs this one, and writes its peak memory in MiB and its processor seconds into a file."""
    return [sys.executable, "-m", "benchmarks.peak", file, *command]


def main() -> int:
    """Run the command; its exit status."""
    status = subprocess.run(sys.argv[2:], check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    mebibytes = used.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    Path(sys.argv[1]).write_text(f"{mebibytes:.0f} {used.ru_utime + used.ru_stime:.1f}")
    return status


if __name__ == "__main__":
    sys.exit(main())
