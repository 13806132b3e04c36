"""The phases that fit any workload, one per file."""
