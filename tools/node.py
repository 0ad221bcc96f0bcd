"""The layers of a kind node: Debian with kind's own files, and on it one version of Kubernetes with its images."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kube_dns_conformance.toolchain import Toolchain
from tools import debian
from tools.command import ToolsError, run
from tools.images import import_images

PACKAGES = (
    *("systemd", "conntrack", "iptables", "nftables", "iproute2", "ethtool", "util-linux", "mount", "kmod"),
    *("libseccomp2", "pigz", "e2fsprogs", "bash", "ca-certificates", "curl", "jq", "procps", "runc", "catatonit"),
)
SANDBOX_IMAGE = "registry.k8s.io/pause:3.10"
"""What kind's configuration of containerd names; the image that kubeadm lists is not used."""
FILES = Path(__file__).parent / "files"
_RUNTIME = "runc-without-sys-resource"
# Units that make no sense in a container, and would make it hang or disturb the host: as kind's own image does it.
_UNWANTED = (
    *("lib/systemd/system/multi-user.target.wants/*", "etc/systemd/system/*.wants/*"),
    *("lib/systemd/system/local-fs.target.wants/*", "lib/systemd/system/basic.target.wants/*"),
    *("lib/systemd/system/sockets.target.wants/*udev*", "lib/systemd/system/sockets.target.wants/*initctl*"),
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
)


def kind_files(tools: Toolchain) -> Path:
    """The static files of kind's base image, which come with its Go module. Raises ToolsError."""
    module = f"sigs.k8s.io/kind@v{tools.version('kind')}"
    if not shutil.which("go"):
        raise ToolsError(f"the files of a kind node come out of the Go module {module}, and there is no go on PATH")
    with tempfile.TemporaryDirectory() as folder:  # outside of every module
        found = json.loads(run(["go", "mod", "download", "-json", module], cwd=Path(folder)))
    return Path(found["Dir"], "images", "base", "files")


def base(root: Path, tools: Toolchain) -> None:
    """Make the new directory ``root`` what all Kubernetes versions share. Raises ToolsError."""
    debian.unpack_root("node", PACKAGES, root)
    _copy(kind_files(tools), root)
    _copy(FILES / "node", root)
    (root / "usr/local/bin/clean-install").unlink()
    for pattern in _UNWANTED:
        for unit in root.glob(pattern):
            unit.unlink()
    with (root / "etc/systemd/journald.conf").open("a") as file:
        file.write("ReadKMsg=no\n")
    init = root / "usr/sbin/init"
    init.unlink(missing_ok=True)
    init.symlink_to("/usr/lib/systemd/systemd")
    run(["chroot", root, "systemctl", "enable", "kubelet", "containerd", "undo-mount-hacks", "pod-network"])
    run(["chroot", root, "systemctl", "mask", "systemd-binfmt.service"])
    (root / "etc/kubernetes/manifests").mkdir(parents=True, exist_ok=True)
    _make_modest(root)


def kubernetes(root: Path, work: Path, tools: Toolchain, archives: Sequence[Path]) -> None:
    """Make the directory ``root`` what one version of Kubernetes adds; ``archives`` are the images that it has."""
    for folder, binaries in {
        "usr/bin": ("kubeadm", "kubelet", "kubectl"),
        "usr/local/bin": ("containerd", "containerd-shim-runc-v2", "ctr", "crictl"),
        "opt/cni/bin": ("host-local", "loopback", "portmap", "ptp"),
    }.items():
        (root / folder).mkdir(parents=True)
        for name, path in tools.need(*binaries).items():
            shutil.copy(path, root / folder / name)
    (root / "kind").mkdir()
    (root / "kind/version").write_text(f"v{tools.version('kubernetes')}")
    (root / "etc/containerd").mkdir(parents=True)
    (root / "etc/containerd/cri-base.json").write_text(_base_specification(tools))
    import_images(archives, root / "var/lib/containerd", work, tools)
    for path in (root, *root.rglob("*")):
        if path.is_dir() and "containerd" not in path.parts:
            path.chmod(0o755)


def _copy(source: Path, root: Path) -> None:
    """Copy a tree over ``root``; scripts become executable whatever a module's cache made of them."""
    for path in sorted(source.rglob("*")):
        target = root / path.relative_to(source)
        if path.is_dir():
            target.mkdir(mode=0o755, exist_ok=True)
        else:
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755 if path.read_bytes().startswith(b"#!") else 0o644)


def _make_modest(root: Path) -> None:
    """Ask for nothing that needs CAP_SYS_RESOURCE, and for the kubelet's settings in drop-in files."""
    unit = root / "etc/systemd/system/containerd.service"
    lines = unit.read_text().splitlines(keepends=True)
    unit.write_text("".join(line for line in lines if not line.startswith(("Limit", "OOMScoreAdjust", "TasksMax"))))
    config = root / "etc/containerd/config.toml"
    text = config.read_text()
    if f'sandbox_image = "{SANDBOX_IMAGE}"' not in text:
        raise ToolsError(f"this kind does not name {SANDBOX_IMAGE} in its configuration of containerd")
    config.write_text(text.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true"))
    shutil.copy(FILES / _RUNTIME, root / "usr/local/sbin/runc")
    kubelet = root / "etc/default/kubelet"
    kubelet.write_text(f"{kubelet.read_text().strip()} --config-dir=/etc/kubernetes/kubelet.conf.d\n")


def _base_specification(tools: Toolchain) -> str:
    """What every container in a node starts from: as kind's own image does it."""
    specification = json.loads(run([tools.need("ctr")["ctr"], "oci", "spec"]))
    hooks = specification.setdefault("hooks", {}).setdefault("createContainer", [])
    hooks.append({"path": "/kind/bin/mount-product-files.sh"})
    specification["process"].pop("rlimits", None)
    return json.dumps(specification)
