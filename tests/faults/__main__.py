"""One faulty server by hand: ``PYTHONPATH=tests python -m faults --fault NAME --upstream HOST:PORT``."""

from __future__ import annotations

import argparse
import contextlib
import threading

from faults.kit import FAULTS, served
from kube_dns_conformance.dns.model import Server


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m faults", description="A DNS server that lies in one way.")
    parser.add_argument("--list", action="store_true", help="say what there is, and who has to notice")
    parser.add_argument("--fault", choices=FAULTS, metavar="NAME")
    parser.add_argument("--upstream", metavar="HOST:PORT", help="the real server, for example 127.0.0.1:5353")
    parser.add_argument("--listen", metavar="HOST", default="127.0.0.1", help="default 127.0.0.1; the port is free")
    arguments = parser.parse_args()
    if arguments.list:
        for fault in FAULTS.values():
            print(f"{fault.name:32} {fault.lie}. Caught by {fault.caught_by}.")  # noqa: T201
        return
    if not arguments.fault or not arguments.upstream:
        parser.error("--fault and --upstream are needed, or --list")
    host, _, port = arguments.upstream.rpartition(":")
    upstream = Server("upstream", host.strip("[]"), int(port))
    with (
        contextlib.suppress(KeyboardInterrupt),
        served(FAULTS[arguments.fault], upstream, host=arguments.listen) as server,
    ):
        print(f"{server}: {FAULTS[arguments.fault].lie}", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
