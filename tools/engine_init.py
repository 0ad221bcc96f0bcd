"""The first process of the engine's namespaces: prepares them, starts dockerd, and collects what has ended.

Everything inside is its descendant, so that the kernel ends all of it when this process ends, however that happens; and
with the last process go the network and every mount. Runs as a plain script, with the standard library alone.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main(arguments: list[str]) -> int:
    """Run ``arguments`` (dockerd) to its end; returns its status."""
    for command in (
        ["mount", "-t", "proc", "proc", "/proc"],
        # The sockets and process ids of this dockerd and its containerd, invisible to everybody else.
        ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"],
        ["ip", "link", "set", "lo", "up"],
    ):
        subprocess.run(command, check=True)
    engine = subprocess.Popen(arguments)
    while True:
        ended, status = os.wait()  # orphans become children of the first process
        if ended == engine.pid:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
