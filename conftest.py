"""Lets ``pytest suites`` work in a checkout where the package, and with it the plugin, is not installed."""

pytest_plugins = ["kube_dns_conformance.plugin"]
