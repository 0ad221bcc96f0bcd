"""``kube-dns-conformance watch``: names of a live cluster asked without a pause, against what its objects say."""
