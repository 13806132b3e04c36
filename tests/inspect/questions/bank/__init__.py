"""Loops after faults that people reported, each with its corrected twin.

Only the facts are theirs: which fault, in what kind of loop. The code is ours.
"""
