"""One faulty server by hand: ``PYTHONPATH=tests python -m faults --fault NAME --upstream HOST:PORT``.

To be judged like any other server: ``kube-dns-conformance run --name CLUSTER --dns-server HOST:PORT``.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import threading
from pathlib import Path

from faults import FAULTS, Fault, Needs, Upstream, served
from faults.kit import SECONDS
from kube_dns_conformance.dns.ask import ask
from kube_dns_conformance.dns.model import Question, Server
from kube_dns_conformance.errors import KdcError
from kube_dns_conformance.kube import Kube

LAST_PORT = 65535
ANYTHING = Question(".", "NS")
"""Whatever is said to this, somebody is there."""
EXAMPLES = """\
examples:
  kube-dns-conformance cluster up --name dev --ip-family dual --dns-port 5353
  PYTHONPATH=tests python -m faults --fault ptr-missing --upstream 127.0.0.1:5353 --listen 127.0.0.1:5300
  kube-dns-conformance run --name dev --dns-server 127.0.0.1:5300  # in another terminal
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
    parser.add_argument("--listen", metavar="HOST[:PORT]", default="127.0.0.1", help="default 127.0.0.1, any free port")
    arguments = parser.parse_args()
    if arguments.list:
        _tell()
        return
    if not arguments.fault or not arguments.upstream:
        parser.error("--fault and --upstream are needed, or --list")
    if arguments.fault not in FAULTS:
        parser.error(f"no fault is called {arguments.fault}; --list shows them")
    try:
        _serve(FAULTS[arguments.fault], arguments.upstream, arguments.kubeconfig, arguments.listen)
    except ValueError as error:
        parser.error(str(error))


def _tell() -> None:
    for fault in FAULTS.values():
        fate = f"Caught by {fault.caught_by}" if fault.is_lie else "No lie"
        needs = "" if fault.needs is Needs.NOTHING else f" Needs {fault.needs}."
        print(f"{fault.name:36} {fault.lie}. {fate}.{needs}")  # noqa: T201


def _serve(fault: Fault, upstream: str, kubeconfig: Path | None, listen: str) -> None:
    """Until Ctrl-C. Raises ValueError when it could not lie, or not there."""
    real, (host, port) = _address("--upstream", upstream), _address("--listen", listen)
    if not real[1]:
        raise ValueError(f"--upstream {upstream} is not HOST:PORT")
    if fault.needs is Needs.API and kubeconfig is None:
        raise ValueError(f"{fault.name} needs {fault.needs}: --kubeconfig FILE")
    server = Server("upstream", *real)
    if fault.needs is Needs.API and kubeconfig:
        _insist_on_api(kubeconfig)
    answer = ask(ANYTHING, server, timeout=SECONDS)
    if answer.rcode is None:
        raise ValueError(f"--upstream {upstream} gives no usable answer: {answer.problem}")
    beside = f" (it needs {fault.needs}: name both with --dns-server)" if fault.needs is Needs.RIGHT_REPLICA else ""
    try:
        with (
            contextlib.suppress(KeyboardInterrupt),
            served(fault, Upstream(server, kubeconfig), host=host, port=port) as faulty,
        ):
            print(f"{faulty}: {fault.lie}{beside}", flush=True)  # noqa: T201
            threading.Event().wait()
    except OSError as error:
        raise ValueError(f"--listen {listen}: {error.strerror}") from None


def _insist_on_api(kubeconfig: Path) -> None:
    """Raises ValueError when that cluster cannot be asked what is true."""
    try:
        Kube(kubeconfig).version()
    except KdcError as error:
        raise ValueError(f"--kubeconfig {kubeconfig}: {error}") from None


def _address(option: str, text: str) -> tuple[str, int]:
    """The address of the host, and the port, 0 where there is none. Raises ValueError for what is neither."""
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|(?!\d+$)([^:]+))(?::(\d{1,5}))?", text)
    if found is None or int(found[3] or 0) > LAST_PORT:
        raise ValueError(f"{option} {text} is not HOST:PORT")
    try:
        (*_, where), *_ = socket.getaddrinfo(found[1] or found[2], int(found[3] or 0), type=socket.SOCK_DGRAM)
    except OSError as error:
        raise ValueError(f"{option} {text}: {error.strerror}") from None
    return str(where[0]), int(where[1])


if __name__ == "__main__":
    main()
