"""pass@k and its uncertainty, on held-out problems."""
