"""What the commands of this folder have in common: one clear line for every foreseen error, and root on Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from kube_dns_conformance.errors import ExitCode, KdcError
from kube_dns_conformance.signals import clean_up_when_terminated
from kube_dns_conformance.toolchain import Toolchain

NEEDED = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
"""What root has to be allowed, with its numbers in linux/capability.h; in a container it often is not."""
SHOWN_LINES = 12
"""How much of a failed program's output an error repeats."""


class ToolsError(KdcError):
    """The engine, the node image or a system package cannot be had."""


def guarded(main: Callable[[], int]) -> None:
    """Run a command's ``main``: foreseen errors are one line, SIGTERM and Ctrl-C clean up, the status is passed on."""
    clean_up_when_terminated()
    # Where the programs of system administrators are, and where su without "-" does not look.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    try:
        sys.exit(main())
    except KdcError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        sys.exit(int(error.exit_code))
    except OSError as error:
        print(f"ERROR: {error.filename or 'operating system'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(int(ExitCode.COULD_NOT_JUDGE))
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))


def with_kind(environment: Mapping[str, str]) -> dict[str, str]:
    """The same, with the project's kind and kubectl where nobody has installed others. Raises ToolchainError."""
    found = Toolchain().need("kind", "kubectl")  # nothing can be fetched from within the engine's network
    folders = dict.fromkeys(str(one.parent) for one in found.values())
    return {**environment, "PATH": os.pathsep.join([environment.get("PATH", os.defpath), *folders])}


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
) -> str:
    """Run a program to its end; returns its standard output.

    Raises:
        ToolsError: it failed; the text has the end of what it said.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, env=env, cwd=cwd, stdin=stdin, capture_output=True, check=False)
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        said = (done.stderr.decode(errors="replace") or output).strip().splitlines()[-SHOWN_LINES:]
        raise ToolsError(f"{' '.join(words[:4])} … ended with status {done.returncode}: " + "\n".join(said))
    return output


def why_not_here() -> str:
    """Why this machine cannot run an engine of ours, in words; empty when it can."""
    if sys.platform != "linux":
        return "an engine of our own needs Linux"
    if os.geteuid() != 0:
        return "an engine of our own needs root"
    if missing := _missing_capabilities():
        return f"an engine of our own needs {' and '.join(missing)}"
    if not (Path("/etc/debian_version").exists() and shutil.which("apt-get")):
        return "an engine of our own is made of Debian packages, and this is not Debian"
    return ""


def _missing_capabilities() -> list[str]:
    """Those of NEEDED that this process does not have."""
    lines = Path("/proc/self/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    return [name for name, number in NEEDED.items() if not mask >> number & 1]


def insist_here() -> None:
    """Raise ToolsError when this machine cannot run an engine of ours."""
    why = why_not_here()
    if why:
        raise ToolsError(why, "install Docker and start it, then none of this is needed")
