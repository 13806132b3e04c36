"""Interactive figures, one per file, each a function from what was kept to a plotly figure.

Pages and notebooks take them as JSON: `figure.to_plotly_json()`.
"""

from homeostat.report.figures.curves import curves
from homeostat.report.figures.disc import disc, flatten
from homeostat.report.figures.family import families, family
from homeostat.report.figures.graph import graph
from homeostat.report.figures.history import history
from homeostat.report.figures.parallel import parallel
from homeostat.report.figures.pareto import pareto
from homeostat.report.figures.ranking import ranking

__all__ = [
    "curves", "disc", "families", "family", "flatten", "graph", "history", "parallel", "pareto",
    "ranking",
]  # fmt: skip
