"""Interactive figures, one per file, each a function from what was kept to a plotly figure.

Pages and notebooks take them as JSON: `figure.to_plotly_json()`.
"""

from homeostat.pages.figures.curves import curves
from homeostat.pages.figures.disc import disc, flatten
from homeostat.pages.figures.family import families, family
from homeostat.pages.figures.graph import graph
from homeostat.pages.figures.history import history
from homeostat.pages.figures.parallel import parallel
from homeostat.pages.figures.pareto import pareto
from homeostat.pages.figures.ranking import ranking

__all__ = [
    "curves", "disc", "families", "family", "flatten", "graph", "history", "parallel", "pareto",
    "ranking",
]  # fmt: skip
