"""Reports as HTML pages that need nothing else: no network, no other file."""

from kube_dns_conformance.reports.pages.run import html as of_run
from kube_dns_conformance.reports.pages.side_by_side import html as side_by_side
from kube_dns_conformance.reports.pages.upgrade import html as of_upgrade

__all__ = ["of_run", "of_upgrade", "side_by_side"]
