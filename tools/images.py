"""The images of Kubernetes' own components, as kubeadm names them: one program each."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kube_dns_conformance.progress import step
from kube_dns_conformance.toolchain import Toolchain
from tools.archive import Image, pack
from tools.command import ToolsError, run

START_SECONDS = 30.0
_PROXY_PROGRAMS = ("usr/sbin/xtables-nft-multi", "usr/sbin/nft", "usr/sbin/conntrack", "usr/bin/dash")
_PROXY_LINKS = (
    *("iptables", "iptables-save", "iptables-restore"),
    *("ip6tables", "ip6tables-save", "ip6tables-restore"),
)
_LIBRARY = re.compile(r"(/\S+) \(0x")
_CONTAINERD = """\
version = 3
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
address = "{state}/socket"
[ttrpc]
address = "{state}/socket.ttrpc"
"""


@dataclass(frozen=True)
class Program:
    """An image that holds one program: the image's name, where the program is here, and where in the image."""

    image: str
    path: Path
    inside: str
    arguments: tuple[str, ...] = ()
    files: Path | None = None
    """A directory with what else is in the image."""


def required(kubeadm: Path, kubernetes: str) -> dict[str, str]:
    """What kubeadm needs, by the last part of the name: ``{"etcd": "registry.k8s.io/etcd:3.6.8-0", …}``."""
    command = [str(kubeadm), "config", "images", "list", f"--kubernetes-version=v{kubernetes}"]
    return {image.rpartition(":")[0].rpartition("/")[2]: image for image in run(command).split()}


def version_in(image: str) -> str:
    """The version of the program in an image: ``…/etcd:3.6.8-0`` has 3.6.8. Raises ToolsError."""
    found = re.search(r":v?(\d+\.\d+\.\d+)(-\d+)?$", image)
    if not found:
        raise ToolsError(f"no version to be seen in the tag of {image}")
    return found[1]


def one_program(program: Program, archive: Path, work: Path) -> None:
    """Write the image of one program into ``archive``."""
    root = work / "root"
    root.mkdir()
    if program.files:
        shutil.copytree(program.files, root, symlinks=True, dirs_exist_ok=True)
    inside = Path(program.inside)
    for folder in (root / inside.parent, root / "etc", root / "tmp", root / "run"):
        folder.mkdir(parents=True, exist_ok=True)
    for path in (root, *root.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    (root / "tmp").chmod(0o1777)
    shutil.copy(program.path, root / inside)
    pack(root, work / "layer", compress=True)
    Image(program.image, [work / "layer"], entrypoint=[f"/{inside}", *program.arguments]).write(archive)


def proxy_files(node: Path, root: Path) -> None:
    """Put what kube-proxy calls (iptables, nft, conntrack), with its libraries, from a node's files into ``root``."""
    for part in ("usr/lib", "usr/lib64", "usr/bin", "usr/sbin"):
        (root / part).mkdir(parents=True)
    for link in ("lib", "lib64", "bin", "sbin"):
        (root / link).symlink_to(f"usr/{link}")
    for extensions in node.glob("usr/lib/*/xtables"):
        shutil.copytree(extensions, root / extensions.relative_to(node))
    for program in _PROXY_PROGRAMS:
        shutil.copy(node / program, root / program)
    # The extensions have needs of their own: that for "statistic", which spreads connections, wants libm.
    loaded = [*_PROXY_PROGRAMS, *(str(path.relative_to(root)) for path in root.glob("usr/lib/*/xtables/*.so"))]
    for library in set(_LIBRARY.findall(run(["chroot", node, "ldd", *(f"/{path}" for path in loaded)]))):
        path = library if library.startswith("/usr") else f"/usr{library}"
        target = Path(f"{root}{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(f"{node}{path}"), target)
    for link in _PROXY_LINKS:
        (root / "usr/sbin" / link).symlink_to("xtables-nft-multi")
    (root / "usr/bin/sh").symlink_to("dash")


def import_images(archives: Sequence[Path], root: Path, work: Path, tools: Toolchain) -> None:
    """Import image archives into a containerd that will have its data in ``root``. Raises ToolsError."""
    binaries = tools.need("containerd", "ctr")
    with step("importing images") as progress, _containerd(binaries["containerd"], root, work) as address:
        for number, archive in enumerate(archives):
            progress.update(done=number, total=len(archives))
            with archive.open("rb") as file:
                command = [str(binaries["ctr"]), f"--address={address}", "--namespace=k8s.io", "images", "import"]
                command += [
                    "--label=io.cri-containerd.pinned=pinned",
                    "--all-platforms",
                    "--no-unpack",
                    "--digests",
                    "-",
                ]
                run(command, stdin=file)


@contextmanager
def _containerd(binary: Path, root: Path, work: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kdc-") as short:  # a socket's path may not be long
        yield from _run_containerd(binary, root, work, Path(short))


def _run_containerd(binary: Path, root: Path, work: Path, state: Path) -> Iterator[Path]:
    (work / "config.toml").write_text(_CONTAINERD.format(root=root, state=state))
    # It ends with this process, also when that is killed.
    command = ["setpriv", "--pdeathsig=KILL", str(binary), f"--config={work / 'config.toml'}"]
    with (work / "containerd.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (state / "socket").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                said = "\n".join((work / "containerd.log").read_text(errors="replace").splitlines()[-3:])
                raise ToolsError(f"containerd did not start: {said}")
            time.sleep(0.05)
        yield state / "socket"
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)
    finally:
        process.kill()
        process.wait()


def archives(programs: Sequence[Program], work: Path) -> list[Path]:
    """Write an archive for each of ``programs`` below ``work``."""
    written = []
    with step("images of Kubernetes' components") as progress:
        for number, program in enumerate(programs):
            progress.update(done=number, total=len(programs), note=program.image)
            scratch = work / f"image-{number}"
            scratch.mkdir()
            written.append(work / f"image-{number}.tar")
            one_program(program, written[-1], scratch)
            shutil.rmtree(scratch)
    return written
