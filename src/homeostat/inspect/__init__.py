"""Inspection: what happens inside a training loop, and what is wrong with it."""
