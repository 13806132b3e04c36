"""Workloads: what can be tuned, and how one is found by name, file or YAML."""
