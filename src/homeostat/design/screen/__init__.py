"""Screening: which parameters matter at all, found in few runs, before a search goes deep."""
