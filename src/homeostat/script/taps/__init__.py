"""Taps: where a script's numbers are read, one file a source."""
