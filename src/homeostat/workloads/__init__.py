"""The built-in workloads; each has workload.py, symptoms.py, views.py and configs/."""
