"""Conformance tests for Kubernetes Service DNS: does a cluster's DNS tell the truth about its Services and Pods?"""

__version__ = "0.1.0"
