"""Where the questions are asked: the embedded cluster, and any cluster that a kubeconfig names."""
