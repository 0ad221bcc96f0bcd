"""System packages: said what and why, never started, locks waited for, one clear line when it fails."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tools import debian, packages
from tools.command import ToolsError

APT = """#!/bin/sh
printf '%s\\n' "$*" >> "$FAKE/calls"
case "$*" in *indextargets*) cat "$FAKE/targets"; exit ;; esac
[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 9
cat "$FAKE/policy" >> "$FAKE/policies" 2>/dev/null
if [ -e "$FAKE/locked" ]; then
  rm "$FAKE/locked"; echo "E: Could not get lock /var/lib/apt/lists/lock." >&2; exit 100
fi
if [ -e "$FAKE/failing" ]; then echo "W: old"; echo "E: Unable to locate package" >&2; exit 100; fi
case "$*" in *install*)
  mkdir "$FAKE/installing" || touch "$FAKE/two-at-once"
  while [ -e "$FAKE/slow" ] && [ ! -e "$FAKE/waited" ]; do sleep 0.01; done
  rmdir "$FAKE/installing"
  for word; do :; done; touch "$FAKE/bin/thing"; chmod 755 "$FAKE/bin/thing" ;; esac
"""


class Bench:
    """A machine whose apt is a script."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        for name, text in {"apt-get": APT, "apt-cache": "#!/bin/sh\nexit 0\n"}.items():
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("FAKE", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy")
    monkeypatch.setattr(packages, "insist_here", lambda: None)
    return Bench(tmp_path)


def test_nothing_is_installed_for_commands_that_are_there(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    packages.need({"sh": "dash"}, "for the test")
    assert not (bench.folder / "calls").exists()
    assert capsys.readouterr().err == ""


def test_what_is_missing_is_named_with_its_reason_and_installed(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    packages.need({"thing": "thing-package", "sh": "dash"}, "no engine answers")
    assert bench.calls() == [
        "--quiet --option=DPkg::Lock::Timeout=600 install --yes --no-install-recommends thing-package"
    ]
    assert "installing the Debian packages thing-package: no engine answers" in capsys.readouterr().err


def test_what_is_installed_is_not_started_and_no_trace_of_that_stays(bench: Bench) -> None:
    packages.need({"thing": "thing-package"}, "for the test")
    assert (bench.folder / "policies").read_text().endswith("exit 101\n")
    assert not (bench.folder / "policy").exists()


def test_the_machines_own_policy_stays(bench: Bench) -> None:
    (bench.folder / "policy").write_text("#!/bin/sh\nexit 104\n")
    packages.need({"thing": "thing-package"}, "for the test")
    assert (bench.folder / "policies").read_text() == "#!/bin/sh\nexit 104\n"
    assert (bench.folder / "policy").read_text() == "#!/bin/sh\nexit 104\n"


def test_a_lock_is_waited_for(bench: Bench) -> None:
    (bench.folder / "locked").touch()
    packages.need({"thing": "thing-package"}, "for the test")
    assert len(bench.calls()) == 2


def test_two_do_not_install_at_once_and_the_policy_stays_for_both(bench: Bench) -> None:
    (bench.folder / "slow").touch()
    both = [threading.Thread(target=packages.install, args=(["thing"], "for the test")) for _ in range(2)]
    for one in both:
        one.start()
    time.sleep(0.5)  # both would have begun
    (bench.folder / "waited").touch()
    for one in both:
        one.join()
    assert not (bench.folder / "two-at-once").exists()
    assert (bench.folder / "policies").read_text().count("exit 101\n") == 2


def test_a_failure_is_one_clear_line_and_leaves_no_policy(bench: Bench) -> None:
    (bench.folder / "failing").touch()
    with pytest.raises(ToolsError) as caught:
        packages.need({"thing": "thing-package"}, "for the test")
    assert caught.value.message == "apt-get install failed: E: Unable to locate package"
    assert not (bench.folder / "policy").exists()


def test_the_archive_is_the_one_apt_is_set_up_for(bench: Bench) -> None:
    (bench.folder / "targets").write_text(
        "Somebody\tTheirs\thttp://other.invalid/\nDebian\tDebian\thttp://mirror.invalid/debian/\n"
    )
    assert debian.mirror() == "http://mirror.invalid/debian/"
    (bench.folder / "targets").write_text("")
    with pytest.raises(ToolsError, match=r"^apt knows no Debian archive"):
        debian.mirror()
