"""Asking from inside the cluster.

`exchange`, `batch`, `resolver` and `server` also run in the agent's Pod, on a stock Python image: they use the standard
library alone. Messages are built and judged where the suite runs, so the Pod needs no DNS library.
"""
