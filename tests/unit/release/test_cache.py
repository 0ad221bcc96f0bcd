"""The cache: whole or not there, made once, of use to nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import kube_dns_conformance
from kube_dns_conformance.toolchain import Toolchain
from release_host import DEMO, HELPER, PLAIN, Host, finished, publish_plain, table_in, unfinished

NEED = """
import sys
from pathlib import Path
from kube_dns_conformance.toolchain import Toolchain, load_table
print(Toolchain(cache=Path(sys.argv[2]), table=load_table(Path(sys.argv[1]))).need("demo")["demo"])
"""


def test_a_unit_in_the_cache_costs_no_request(host: Host, use: Callable[[str], Toolchain]) -> None:
    publish_plain(host)
    first = use(PLAIN).need("demo", "helper")
    asked = list(host.asked)
    assert use(PLAIN).need("demo", "helper") == first
    assert host.asked == asked


def test_each_version_has_a_place_of_its_own(host: Host, tmp_path: Path) -> None:
    publish_plain(host)
    host.publish("/v1.2.4/demo", DEMO.replace(b"1.2.3", b"1.2.4"))
    host.publish("/v1.2.4/helper", HELPER.replace(b"1.2.3", b"1.2.4"))
    table = table_in(tmp_path, PLAIN, host.base)
    old = Toolchain(cache=tmp_path / "cache", table=table).need("demo")["demo"]
    new = Toolchain({"demo": "v1.2.4"}, cache=tmp_path / "cache", table=table).need("demo")["demo"]
    assert (old.read_bytes(), new.read_bytes()) == (DEMO, DEMO.replace(b"1.2.3", b"1.2.4"))


def test_the_environment_says_where_the_cache_is(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_plain(host)
    monkeypatch.setenv("KDC_CACHE", str(tmp_path / "elsewhere"))
    found = Toolchain(table=table_in(tmp_path, PLAIN, host.base)).need("demo")["demo"]
    assert found.is_relative_to(tmp_path / "elsewhere" / "tools" / "demo" / "1.2.3")


def test_directories_are_for_this_user_only(host: Host, use: Callable[[str], Toolchain], tmp_path: Path) -> None:
    publish_plain(host)
    before = os.umask(0o002)
    try:
        use(PLAIN).need("demo")
    finally:
        os.umask(before)
    folders = [tmp_path / "cache", *(path for path in (tmp_path / "cache").rglob("*") if path.is_dir())]
    assert [oct(folder.stat().st_mode & 0o777) for folder in folders] == ["0o700"] * 5


@pytest.mark.parametrize("damage", ["shorter", "gone", "not executable", "no origin"])
def test_a_damaged_unit_is_made_again(damage: str, host: Host, use: Callable[[str], Toolchain], tmp_path: Path) -> None:
    publish_plain(host)
    helper = use(PLAIN).need("demo")["demo"].parent / "helper"
    match damage:
        case "shorter":
            helper.write_bytes(HELPER[:-5])
        case "gone":
            helper.unlink()
        case "not executable":
            helper.chmod(0o644)
        case "no origin":
            (helper.parent / "origin.json").unlink()
    assert use(PLAIN).need("helper")["helper"].read_bytes() == HELPER
    assert os.access(helper, os.X_OK)
    assert unfinished(tmp_path) == []


def start_need(folder: Path, host: Host) -> subprocess.Popen[str]:
    """Another process that needs ``demo``."""
    table_in(folder, PLAIN, host.base)
    source = str(Path(kube_dns_conformance.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", NEED, str(folder / "tools.toml"), str(folder / "cache")],
        env={"PATH": str(folder / "empty"), "PYTHONPATH": source, "NO_PROXY": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_processes_one_makes_a_unit_and_the_other_waits_for_it(host: Host, tmp_path: Path) -> None:
    publish_plain(host)
    host.rest_may_go.clear()
    racers = [start_need(tmp_path, host), start_need(tmp_path, host)]
    assert host.half_sent.wait(20)
    said = sorted(racer.stderr.readline() for racer in racers if racer.stderr)  # both are there now, and say so
    host.rest_may_go.set()
    outputs = [racer.communicate(timeout=20) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert {output for output, _ in outputs} == {f"{finished(tmp_path)[0] / 'demo'}\n"}
    assert sorted(host.asked) == sorted(host.files)
    assert said[0].startswith("… demo 1.2.3: downloading demo")
    assert said[1].startswith("… demo 1.2.3: waiting for another process that is making it")


def test_a_process_killed_in_the_middle_leaves_nothing_that_looks_finished(
    host: Host, use: Callable[[str], Toolchain], tmp_path: Path
) -> None:
    publish_plain(host)
    host.rest_may_go.clear()
    victim = start_need(tmp_path, host)
    assert host.half_sent.wait(20)
    victim.kill()
    victim.communicate()
    assert (finished(tmp_path), len(unfinished(tmp_path))) == ([], 1)
    host.rest_may_go.set()
    assert use(PLAIN).need("demo")["demo"].read_bytes() == DEMO
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_process_that_is_told_to_stop_cleans_up(number: int, code: int, host: Host, tmp_path: Path) -> None:
    publish_plain(host)
    host.rest_may_go.clear()
    victim = start_need(tmp_path, host)
    assert host.half_sent.wait(20)
    victim.send_signal(number)
    victim.communicate(timeout=20)
    assert victim.returncode == code
    assert (finished(tmp_path), unfinished(tmp_path)) == ([], [])
