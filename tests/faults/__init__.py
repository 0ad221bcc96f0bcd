"""DNS servers that lie in one named way each, in front of a real one.

A fault is a function in one of the modules here: what it does to an answer, which requirement has to notice, and which
others may. `python -m faults` (with ``PYTHONPATH=tests``) serves one by hand.
"""

from faults import (
    addresses,
    aliases,
    behind,
    denials,
    endpoints,
    names,
    replicas,
    reverse,
    services,
    sometimes,
    ttl,
    wire,
)
from faults.kit import FAULTS, Fault, Needs, Upstream, served

__all__ = [
    "FAULTS",
    "Fault",
    "Needs",
    "Upstream",
    "addresses",
    "aliases",
    "behind",
    "denials",
    "endpoints",
    "names",
    "replicas",
    "reverse",
    "served",
    "services",
    "sometimes",
    "ttl",
    "wire",
]
