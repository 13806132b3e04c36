"""Engines: where attempts run: in this process, in worker processes, on a Ray cluster."""
