"""The phases that fit any workload, one a file."""
