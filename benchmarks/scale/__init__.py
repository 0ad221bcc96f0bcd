"""How an audit grows with the cluster, up to 100,000 endpoints: ``python -m benchmarks.scale``."""
