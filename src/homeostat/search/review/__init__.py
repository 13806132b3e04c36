"""Rounds: what a study was to find out, whether it did, and what the next one should do."""
