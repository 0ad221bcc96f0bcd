"""One faulty server by hand: ``PYTHONPATH=tests python -m faults --fault NAME --upstream HOST:PORT``."""

from __future__ import annotations

import argparse
import contextlib
import threading
from pathlib import Path

from faults import FAULTS, Upstream, served
from kube_dns_conformance.dns.model import Server


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m faults", description="A DNS server that lies in one way.")
    parser.add_argument("--list", action="store_true", help="say what there is, and who has to notice")
    parser.add_argument("--fault", choices=FAULTS, metavar="NAME")
    parser.add_argument("--upstream", metavar="HOST:PORT", help="the real server, for example 127.0.0.1:5353")
    parser.add_argument("--kubeconfig", type=Path, help="of the cluster, for those lies that need to know what is true")
    parser.add_argument("--listen", metavar="HOST", default="127.0.0.1", help="default 127.0.0.1; the port is free")
    arguments = parser.parse_args()
    if arguments.list:
        for fault in FAULTS.values():
            fate = f"Caught by {fault.caught_by}" if fault.is_lie else "No lie"
            print(f"{fault.name:36} {fault.lie}. {fate}.")  # noqa: T201
        return
    if not arguments.fault or not arguments.upstream:
        parser.error("--fault and --upstream are needed, or --list")
    host, _, port = arguments.upstream.rpartition(":")
    fault = FAULTS[arguments.fault]
    upstream = Upstream(Server("upstream", host.strip("[]"), int(port)), arguments.kubeconfig)
    with (
        contextlib.suppress(KeyboardInterrupt),
        served(fault, upstream, host=arguments.listen) as server,
    ):
        print(f"{server}: {fault.lie}", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
