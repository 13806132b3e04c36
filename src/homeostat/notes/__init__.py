"""The running log: entries written from run records, and from the logs of other tools.

add_run("NOTES.md", record)      an entry for one of our runs
add_log("NOTES.md", "fit.log")   an entry for a given log: Keras, Lightning, JSON Lines, ...
add_log_runs("NOTES.md", "fit.log")   an entry for each run in it
read("NOTES.md")                 the entries, also of a log that a person keeps in this form
assess(entries)                  what several runs say together about the learning rate
"""

from homeostat.logs import Log, parse_log, read_log
from homeostat.notes.classify import CurveBehaviour, across, classify
from homeostat.notes.entry import Entry, render
from homeostat.notes.journal import add_entries, add_log, add_log_runs, add_run, assess, read
from homeostat.notes.markdown import behaviour_of, parse

__all__ = [
    "CurveBehaviour",
    "Entry",
    "Log",
    "across",
    "add_entries",
    "add_log",
    "add_log_runs",
    "add_run",
    "assess",
    "behaviour_of",
    "classify",
    "parse",
    "parse_log",
    "read",
    "read_log",
    "render",
]
