"""The built-in workloads; each folder has the same files."""
