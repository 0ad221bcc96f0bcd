"""Fuzzes what reads answers, guided by coverage: ``make fuzz``, which gives it a minute, or ARGS=-max_total_time=600.

libFuzzer ends with the input that broke something, or took more than a second of processor time, or more than 512 MB of
memory. That it took a minute by the clock is told as well, for what never ends; a busy machine alone does not.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dns", "kube_dns_conformance"]):
    from dns_server import reply
    from hostile import insist_on_an_end

CORPUS = Path(".tox/corpus")
"""What earlier runs found worth keeping."""
SECONDS = 1.0
QUERY = bytes.fromhex("000001000001000000000000037765620474657374000001" + "0001")
SEEDS = (reply(QUERY, "10.0.0.1", "10.0.0.2"), reply(QUERY, rcode="NXDOMAIN", soa=True), reply(QUERY, truncated=True))


def main() -> None:
    """The fuzzer's own command line: see its -help=1."""
    CORPUS.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(SEEDS):
        (CORPUS / f"seed-{index}").write_bytes(seed)
    atheris.Setup([*sys.argv, str(CORPUS)], insist_on_a_soon_end)
    atheris.Fuzz()


def insist_on_a_soon_end(wire: bytes) -> None:
    """As `insist_on_an_end`, and after no more than `SECONDS` of this process."""
    began = time.process_time()
    insist_on_an_end(wire)
    took = time.process_time() - began
    assert took <= SECONDS, f"it took {took:.1f} s"


if __name__ == "__main__":
    main()
