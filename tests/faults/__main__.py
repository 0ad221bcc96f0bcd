"""One faulty server by hand: ``PYTHONPATH=tests python -m faults --fault NAME --upstream HOST:PORT``.

To be judged like any other server: ``kube-dns-conformance run --name CLUSTER --dns-server HOST:PORT``.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
from pathlib import Path

from faults import FAULTS, Needs, Upstream, served
from kube_dns_conformance.dns.model import Server

EXAMPLES = """\
examples:
  kube-dns-conformance cluster up --name dev                       # says where its DNS and its kubeconfig are
  PYTHONPATH=tests python -m faults --fault ptr-missing --upstream 127.0.0.1:5353
  kube-dns-conformance run --name dev --dns-server 127.0.0.1:40404 # where that one listens
"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m faults",
        description="A DNS server that lies in one way.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="say what there is, and who has to notice")
    parser.add_argument("--fault", metavar="NAME", help="which one")
    parser.add_argument("--upstream", metavar="HOST:PORT", help="the real server, for example 127.0.0.1:5353")
    parser.add_argument("--kubeconfig", type=Path, help="of the cluster, for those lies that need to know what is true")
    parser.add_argument("--listen", metavar="HOST", default="127.0.0.1", help="default 127.0.0.1; the port is free")
    arguments = parser.parse_args()
    if arguments.list:
        for fault in FAULTS.values():
            fate = f"Caught by {fault.caught_by}" if fault.is_lie else "No lie"
            needs = "" if fault.needs is Needs.NOTHING else f" Needs {fault.needs}."
            print(f"{fault.name:36} {fault.lie}. {fate}.{needs}")  # noqa: T201
        return
    if not arguments.fault or not arguments.upstream:
        parser.error("--fault and --upstream are needed, or --list")
    if arguments.fault not in FAULTS:
        parser.error(f"no fault is called {arguments.fault}; --list shows them")
    host, _, port = arguments.upstream.rpartition(":")
    if not host or not port.isdecimal():
        parser.error(f"--upstream {arguments.upstream} is not HOST:PORT")
    fault = FAULTS[arguments.fault]
    if fault.needs is Needs.API and arguments.kubeconfig is None:
        parser.error(f"{fault.name} needs {fault.needs}: --kubeconfig FILE")
    upstream = Upstream(Server("upstream", host.strip("[]"), int(port)), arguments.kubeconfig)
    with (
        contextlib.suppress(KeyboardInterrupt),
        served(fault, upstream, host=arguments.listen) as server,
    ):
        beside = f" (it needs {fault.needs}: name both with --dns-server)" if fault.needs is Needs.RIGHT_REPLICA else ""
        print(f"{server}: {fault.lie}{beside}", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
