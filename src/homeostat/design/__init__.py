"""Designs: which configurations to run, fixed before any of them has run."""
