"""Logs of training, whoever wrote them: one reader for notes, commands and scripts.

read_log("fit.log")       a file, or a folder of TensorBoard events, in any dialect
parse_log(text)           the same from text
LineReader().feed(text)   line by line, while the log grows
"""

from homeostat.logs.line_reader import LineReader
from homeostat.logs.log import Log, LoggedRun
from homeostat.logs.numbers import number
from homeostat.logs.position import Position
from homeostat.logs.read import parse_log, read_log
from homeostat.logs.reading import Reading
from homeostat.logs.skipped import Skipped

__all__ = [
    "LineReader",
    "Log",
    "LoggedRun",
    "Position",
    "Reading",
    "Skipped",
    "number",
    "parse_log",
    "read_log",
]
