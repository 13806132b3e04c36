"""The page of a study, from one list of blocks: as a file, as a notebook, and on the dashboard."""

from homeostat.pages.study.write import write_report

__all__ = ["write_report"]
