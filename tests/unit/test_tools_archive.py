"""Image archives: what Docker and containerd read in them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tools.archive import Image, pack
from tools.command import ToolsError


def read(archive: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with tarfile.open(archive) as tar:
        manifests = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert len(manifests) == 1
        config = json.load(tar.extractfile(manifests[0]["Config"]))  # type: ignore[arg-type]
        assert set(tar.getnames()) == {"manifest.json", manifests[0]["Config"], *manifests[0]["Layers"]}
    return manifests[0], config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "tool").write_text("x" * 3_000_000)
    return made


@pytest.mark.parametrize("compress", [False, True])
def test_a_layer_is_named_by_its_uncompressed_content(tmp_path: Path, folder: Path, *, compress: bool) -> None:
    pack(folder, tmp_path / "layer", compress=compress)
    plain = subprocess.check_output(["gzip", "-dcf", str(tmp_path / "layer")])
    Image("example.invalid/a:1", [tmp_path / "layer"], entrypoint=["/bin/tool"]).write(tmp_path / "a.tar")
    manifest, config = read(tmp_path / "a.tar")
    digest = hashlib.sha256(plain).hexdigest()
    assert manifest["RepoTags"] == ["example.invalid/a:1"]
    assert manifest["Layers"] == [f"{digest}.tar"]
    assert config["rootfs"] == {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    assert ((tmp_path / "layer").stat().st_size < 1_000_000) == compress


def test_the_settings_are_those_of_the_image(tmp_path: Path, folder: Path) -> None:
    pack(folder, tmp_path / "layer", compress=False)
    Image(
        "a:1",
        [tmp_path / "layer"],
        entrypoint=["/init"],
        environment=["container=docker"],
        stop_signal="SIGRTMIN+3",
        labels={"made": "here"},
    ).write(tmp_path / "a.tar")
    _, config = read(tmp_path / "a.tar")
    assert config["config"] == {
        "Entrypoint": ["/init"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=docker"],
        "Labels": {"made": "here"},
        "StopSignal": "SIGRTMIN+3",
    }


def test_a_folder_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ToolsError, match=r"^tar of .*/absent ended with status 2$"):
        pack(tmp_path / "absent", tmp_path / "layer", compress=True)
