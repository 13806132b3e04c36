"""Script: a training script as it is, `python train.py`, as a workload.

load.py       train.py -> Workload: looked at once, the result kept
survey.py     one short run in a process of its own: options, metrics, steps, how long a start takes
options/      one file a kind of options: argparse, click, tyro, absl, fire, hydra, constants
roles.py      what an option is for: a knob, the seed, the length, a place, data, a device
ranges.py     the range of a knob, from its name, type and default
objective.py  which of the numbers that it says is the one to improve
plan.py       all of that as plain data: what `adopt` writes, and what a YAML file gives back
drive.py      the script as a generator of reports, on a greenlet in the main thread
taps/         where its numbers are read: optimiser steps, printed lines, trackers, files
folder.py     the attempt's working folder: the user's files by link or copy
"""
