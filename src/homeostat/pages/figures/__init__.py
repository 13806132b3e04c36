"""Interactive figures, one per file, each a function from what was kept to a plotly figure.

Pages and notebooks take them as JSON: `figure.to_plotly_json()`.
"""

from homeostat.pages.figures.crowd import crowd
from homeostat.pages.figures.curves import curves
from homeostat.pages.figures.disc import disc, flatten
from homeostat.pages.figures.family import families, family
from homeostat.pages.figures.graph import graph
from homeostat.pages.figures.history import Noise, history
from homeostat.pages.figures.paired import paired
from homeostat.pages.figures.parallel import parallel
from homeostat.pages.figures.pareto import pareto
from homeostat.pages.figures.ranking import ranking
from homeostat.pages.figures.rates import rates
from homeostat.pages.figures.slices import sliced
from homeostat.pages.figures.waterfall import waterfall

__all__ = [
    "Noise", "crowd", "curves", "disc", "families", "family", "flatten", "graph", "history",
    "paired", "parallel", "pareto", "ranking", "rates", "sliced", "waterfall",
]  # fmt: skip
