"""``kube-dns-conformance upgrade``: what DNS said before, while and after a cluster was changed, and what is worse.

The phases leave what they learned in a folder (`folder`) for the next one, wherever it runs: `snapshot` is what DNS was
and said at one time, `guard` asks from every node meanwhile, `seen` reads what the guard has written. What is required
of an upgrade are requirements like all others, judged in ``suites/upgrade`` from that folder.
"""
