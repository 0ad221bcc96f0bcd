"""Building from Go modules: with a stand-in for go that records what it was told, and once with the real one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import kube_dns_conformance
from kube_dns_conformance.errors import ToolchainError
from kube_dns_conformance.toolchain import Toolchain, load_table

ROW = """
[demo]
version = "1.36.3"
megabytes = 7
binaries = { demo = ["--version"], democtl = ["--version"] }
release = { url = "http://127.0.0.1:PORT/{binary}", checksum = "{url}.sha256" }
[demo.go]
module = "example.invalid/demo/v3"
package = "example.invalid/demo/cmd/{binary}/v3"
needs = "1.26.0"
megabytes = 70
staging = "v0.{minor}.{patch}"
stamps = { "example.invalid/version.gitVersion" = "v{version}", "example.invalid/version.gitMinor" = "{minor}" }
"""
TEST_ROW = """
[demo]
version = "1.36.3"
megabytes = 7
binaries = { "demo.test" = ["--version"] }
[demo.go]
module = "example.invalid/demo"
package = "example.invalid/demo"
needs = "1.26.0"
megabytes = 70
staging = "v0.{minor}.{patch}"
test = true
"""
UPSTREAM = {
    "Module": {"Path": "example.invalid/demo/v3"},
    "Go": "1.26.0",
    "Godebug": [{"Key": "default", "Value": "go1.26"}],
    "Require": [
        {"Path": "example.invalid/api", "Version": "v0.0.0"},
        {"Path": "example.invalid/client/v3", "Version": "v3.6.16"},
        {"Path": "example.invalid/log", "Version": "v1.2.0", "Indirect": True},
    ],
    "Exclude": [{"Path": "example.invalid/log", "Version": "v1.3.0"}],
    "Replace": [
        {"Old": {"Path": "example.invalid/api"}, "New": {"Path": "./staging/src/api"}},
        {"Old": {"Path": "example.invalid/client/v3"}, "New": {"Path": "../client/v3"}},
        {"Old": {"Path": "example.invalid/unused"}, "New": {"Path": "./FORBIDDEN_DEPENDENCY"}},
        {"Old": {"Path": "a.invalid", "Version": "v1.0.0"}, "New": {"Path": "b.invalid", "Version": "v1.0.1"}},
    ],
}
GO = """#!PYTHON
import json, os, pathlib, subprocess, sys, time
here = pathlib.Path(__file__).parent
plan = json.loads((here / "plan.json").read_text())
with (here / "log").open("a") as log:
    print(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)}), file=log)
command = " ".join(sys.argv[1:3])
if command.startswith(plan.get("fail at", "never")):
    sys.exit(plan["saying"])
if command == "mod download":
    (here / "source").mkdir(exist_ok=True)
    (here / "source" / "go.sum").write_text("upstream sums")
    print(json.dumps({"GoMod": str(here / "source" / "go.mod"), "Dir": str(here / "source")}))
elif command == "mod edit":
    print(json.dumps(plan["upstream"]))
elif command == "list -deps":
    print("go: downloading example.invalid/log v1.2.0", file=sys.stderr)
    packages = sys.argv[3:]
    if packages[0] == "-test":
        name = packages.pop(0) and packages[0]
        packages += [f"{name}.test", f"{name} [{name}.test]", "vendor/golang.org/x/net", "a.invalid/internal"]
    print("fmt", "example.invalid/log", *packages, sep="\\n")
elif command == "build -v":
    if "-o" not in sys.argv:  # what a test imports
        sys.exit(0)
    (here / "go.mod").write_text(pathlib.Path("go.mod").read_text())
    (here / "go.sum").write_text(pathlib.Path("go.sum").read_text())
    if plan.get("hang"):
        child = subprocess.Popen(["/bin/sleep", "300"])
        (here / "pids").write_text(f"{os.getpid()} {child.pid}\\n")
        time.sleep(300)
    for package in plan["packages"]:
        print(package, file=sys.stderr)
        file = pathlib.Path(sys.argv[sys.argv.index("-o") + 1], package.split("/")[-2])
        file.write_text("#!/bin/sh\\necho " + plan.get("version", "v1.36.3") + "\\n")
        file.chmod(0o755)
elif command == "test -c":
    file = pathlib.Path(sys.argv[sys.argv.index("-o") + 1], "demo.test")
    file.write_text("#!/bin/sh\\necho v1.36.3\\n")
    file.chmod(0o755)
elif command == "env GOVERSION":
    print("go1.26.8")
"""
PACKAGES = ["example.invalid/demo/cmd/demo/v3", "example.invalid/demo/cmd/democtl/v3"]


class Bench:
    """A stand-in for go on an otherwise empty PATH, and a toolchain whose release host does not answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.cache = folder / "cache"
        self.table_file = folder / "tools.toml"
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            self.table_file.write_text(ROW.replace("PORT", str(closed.getsockname()[1])))
        self.folder.mkdir()
        go = self.folder / "go"
        go.write_text(GO.replace("PYTHON", sys.executable))
        go.chmod(0o755)
        self.plan()

    def plan(self, **plan: object) -> None:
        whole = {"upstream": UPSTREAM, "packages": PACKAGES} | {key.replace("_", " "): plan[key] for key in plan}
        (self.folder / "plan.json").write_text(json.dumps(whole))

    def only_test(self) -> None:
        """A unit that is the binary of a package's tests, and has no release."""
        self.table_file.write_text(TEST_ROW)

    def need(self, *binaries: str) -> dict[str, Path]:
        table = load_table(self.table_file)
        return Toolchain(cache=self.cache, table=table).need(*(binaries or ("demo", "democtl")))

    def failure(self, *binaries: str) -> ToolchainError:
        with pytest.raises(ToolchainError) as caught:
            self.need(*binaries)
        assert not list(self.cache.rglob("origin.json"))
        assert self.unfinished() == []
        return caught.value

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def unfinished(self) -> list[Path]:
        return list(self.cache.glob("tools/*/*/.*"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setenv("PATH", str(made.folder))
    monkeypatch.setenv("NO_PROXY", "*")
    return made


def test_without_a_release_the_unit_is_built_with_go(bench: Bench) -> None:
    found = bench.need()
    assert {name: subprocess.check_output([path], text=True) for name, path in found.items()} == {
        "demo": "v1.36.3\n",
        "democtl": "v1.36.3\n",
    }
    origin = json.loads((found["demo"].parent / "origin.json").read_text())
    assert origin["source"] == {"module": "example.invalid/demo/v3@v1.36.3", "go": "go1.26.8"}


def test_the_module_asks_for_the_versions_upstream_chose(bench: Bench) -> None:
    bench.need()
    assert (bench.folder / "go.mod").read_text().splitlines() == [
        "module build",
        "require example.invalid/demo/v3 v1.36.3",
        "go 1.26.0",
        "godebug default=go1.26",
        "replace example.invalid/api => example.invalid/api v0.36.3",
        "require example.invalid/api v0.36.3",
        "require example.invalid/client/v3 v3.6.16",
        "require example.invalid/log v1.2.0 // indirect",
        "exclude example.invalid/log v1.3.0",
        "replace a.invalid v1.0.0 => b.invalid v1.0.1",
    ]
    assert (bench.folder / "go.sum").read_text() == "upstream sums"


def test_go_is_told_to_build_small_static_stamped_binaries(bench: Bench) -> None:
    bench.need()
    build = next(call["arguments"] for call in bench.calls() if call["arguments"][0] == "build")
    build[build.index("-o") + 1] = "OUT"
    assert build == [
        "build",
        "-v",
        "-trimpath",
        "-buildvcs=false",
        "-gcflags=all=-dwarf=false",
        "-ldflags",
        "-s -w -X example.invalid/version.gitVersion=v1.36.3 -X example.invalid/version.gitMinor=36",
        "-o",
        "OUT",
        *PACKAGES,
    ]


def test_a_binary_of_tests_is_compiled_package_by_package_and_then_linked(bench: Bench) -> None:
    bench.only_test()
    (found,) = bench.need("demo.test").values()
    assert subprocess.check_output([found], text=True) == "v1.36.3\n"
    packages, link = [call["arguments"] for call in bench.calls() if call["arguments"][0] in ("build", "test")]
    assert packages == [
        *("build", "-v", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false"),
        *("example.invalid/log", "example.invalid/demo", "a.invalid/internal"),
    ]
    link[link.index("-o") + 1] = "OUT"
    assert link == [
        *("test", "-c", "-vet=off", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false"),
        *("-ldflags", "-s -w", "-o", "OUT"),
        "example.invalid/demo",
    ]


def test_what_upstream_publishes_no_binary_of_is_built_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.only_test()
    monkeypatch.setenv("PATH", "/nonexistent")
    error = bench.failure("demo.test")
    assert error.message == (
        "demo 1.36.3 is not on this machine, its release cannot be had (upstream publishes no binary), "
        "and there is no go on PATH to build it"
    )
    assert error.hint == "install Go >= 1.26.0, or put demo.test of version 1.36.3 on PATH"


def test_the_users_own_go_settings_do_not_change_the_build(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOFLAGS", "GOWORK", "GOOS", "CGO_ENABLED", "GO111MODULE"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("GOTOOLCHAIN", "go1.26.8+auto")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    bench.need()
    names = ("GOFLAGS", "GOWORK", "GOOS", "CGO_ENABLED", "GO111MODULE", "GOTOOLCHAIN")
    assert {tuple(call["environment"][name] for name in names) for call in bench.calls()} == {
        ("-mod=mod", "off", "linux", "0", "on", "go1.26.8+auto")
    }


def test_gos_temporary_files_are_in_the_directory_that_is_cleared_away(bench: Bench) -> None:
    bench.need()
    places = {Path(call["environment"]["GOTMPDIR"]) for call in bench.calls()}
    assert {place.parent.parent for place in places} == {bench.cache / "tools" / "demo" / "1.36.3"}
    assert [place.exists() for place in places] == [False]


def test_no_go_says_what_to_install_or_to_put_on_path_or_to_allow(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    host = load_table(bench.table_file)["demo"].release.url.split("/")[2]
    error = bench.failure()
    assert error.message == (
        f"demo 1.36.3 is not on this machine, its release cannot be had (no connection to {host} (ConnectionError)), "
        "and there is no go on PATH to build it"
    )
    assert error.hint == (
        f"install Go >= 1.26.0, or put demo, democtl of version 1.36.3 on PATH, or allow access to {host}"
    )


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("go: go.mod requires go >= 1.99.0 (running go 1.26.8; GOTOOLCHAIN=local)", "1.99.0"),
        ("go: errors parsing go.mod:\ngo.mod:3: invalid go version '1.26.0': must match format 1.23", "1.26.0"),
    ],
)
def test_too_old_a_go_says_which_one_to_install(said: str, version: str, bench: Bench) -> None:
    bench.plan(fail_at="list -deps", saying=said)
    error = bench.failure()
    assert error.message == f"the Go on this machine is too old to build demo 1.36.3: {said}"
    assert error.hint.startswith(f"install Go >= {version}, or put demo, democtl of version 1.36.3 on PATH, or allow")
    assert ("GOTOOLCHAIN=auto" in error.hint) == ("GOTOOLCHAIN=local" in said)


def test_a_failed_build_shows_what_go_said_at_the_end_and_nothing_else(bench: Bench) -> None:
    noise = "go: downloading example.invalid/log v1.2.0\nexample.invalid/log\nfmt\n"
    bench.plan(fail_at="build", saying=noise + "# example.invalid/log\nlog.go:7:2: undefined: x")
    error = bench.failure()
    assert error.message.startswith("demo 1.36.3 could not be built with Go (its release cannot be had (no connection")
    assert error.message.endswith("): # example.invalid/log\nlog.go:7:2: undefined: x")


def test_a_long_output_is_cut_to_its_last_lines(bench: Bench) -> None:
    bench.plan(fail_at="build", saying="\n".join(f"line number {number}" for number in range(1, 101)))
    assert bench.failure().message.splitlines()[1:] == [f"line number {number}" for number in range(90, 101)]


def test_a_full_disk_says_that_gos_own_caches_count_too(bench: Bench) -> None:
    bench.plan(fail_at="build", saying="write /x/_pkg_.a: no space left on device")
    error = bench.failure()
    assert error.message.startswith("no space left to build demo 1.36.3, about 70 MB here: write /x/_pkg_.a")
    assert "KDC_CACHE=DIRECTORY" in error.hint


def test_a_build_that_gives_another_version_is_refused(bench: Bench) -> None:
    bench.plan(version="v1.36.2")
    assert bench.failure().message == "demo was made for demo 1.36.3, but is version 1.36.2"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_stopped_build_ends_go_and_its_children_and_leaves_nothing(number: int, code: int, bench: Bench) -> None:
    bench.plan(hang=True)
    victim = start_need(bench)
    go, child = pids_of(bench)
    assert [runs(go), runs(child)] == [True, True]
    victim.send_signal(number)
    victim.communicate(timeout=20)
    assert victim.returncode == code
    assert [ended(go), ended(child)] == [True, True]
    assert bench.unfinished() == []


def test_a_build_killed_outright_is_cleared_away_by_the_next(bench: Bench) -> None:
    bench.plan(hang=True)
    victim = start_need(bench)
    go, child = pids_of(bench)
    victim.kill()
    victim.communicate()
    assert len(bench.unfinished()) == 1
    os.killpg(go, signal.SIGKILL)
    bench.plan()
    assert sorted(bench.need()) == ["demo", "democtl"]
    assert bench.unfinished() == []
    assert ended(child)


def start_need(bench: Bench) -> subprocess.Popen[str]:
    script = (
        "import sys; from pathlib import Path; from kube_dns_conformance.toolchain import Toolchain, load_table; "
        "Toolchain(cache=Path(sys.argv[2]), table=load_table(Path(sys.argv[1]))).need('demo')"
    )
    source = str(Path(kube_dns_conformance.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", script, str(bench.table_file), str(bench.cache)],
        env={"PATH": str(bench.folder), "PYTHONPATH": source, "NO_PROXY": "*"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def pids_of(bench: Bench, *, within_seconds: float = 20) -> tuple[int, int]:
    """The stand-in for go that hangs, and its child."""
    deadline = time.monotonic() + within_seconds
    file = bench.folder / "pids"
    while time.monotonic() < deadline:
        if file.exists() and file.read_text().endswith("\n"):
            go, child = map(int, file.read_text().split())
            return go, child
        time.sleep(0.01)
    raise TimeoutError("the build did not start")


def runs(pid: int) -> bool:
    """Whether the process runs; one that is dead but not yet collected by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(pid: int, *, within_seconds: float = 5) -> bool:
    """Whether the process ends soon."""
    deadline = time.monotonic() + within_seconds
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not runs(pid)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
def test_kind_is_really_built(tmp_path: Path) -> None:
    kind = load_table()["kind"]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        release = replace(kind.release, url=f"http://127.0.0.1:{closed.getsockname()[1]}/kind")
    found = Toolchain(cache=tmp_path, table={"kind": replace(kind, release=release)}).need("kind")["kind"]
    assert subprocess.check_output([found, "version"], text=True).startswith("kind v0.33.0 go1.")
    assert json.loads((found.parent / "origin.json").read_text())["source"]["module"] == "sigs.k8s.io/kind@v0.33.0"
