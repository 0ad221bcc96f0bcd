"""``python -m kube_dns_conformance``."""

from kube_dns_conformance.cli import main

main()
