"""Allure 3: one run as one HTML file that needs nothing else, with what became of each test in earlier runs."""

from kube_dns_conformance.reports.allure3 import history
from kube_dns_conformance.reports.allure3.report import html

__all__ = ["history", "html"]
