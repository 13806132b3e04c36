"""The built-in workloads; each folder has the same files, so knowing one is knowing all."""
