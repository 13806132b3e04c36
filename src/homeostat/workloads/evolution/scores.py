"""What one evaluation of one creature on one layout yields: the columns of a `scores` array."""

from __future__ import annotations

FITNESS = 0
PELLETS = 1
PROGRESS = 2  # points for having come nearer the current pellet
TRAVEL = 3  # points for the path
REGRESSION = 4  # points lost for having gone away again
EFFICIENCY = 5  # points lost for effort
REASON = 6  # index in world.REASONS; 0 = in order
PATH = 7  # m, horizontal path of the centre of mass
NET = 8  # m, from start to end
HEIGHT = 9  # m, mean of the centre of mass
HEIGHT_SD = 10
CONTACT = 11  # mean fraction of nodes on the ground
CONTACT_SD = 12
BOUNCE = 13  # Hz, how often the centre of mass turns upwards
EFFORT = 14  # mean |u|
TRACK = 15  # 4 x (ahead, aside) m at T/4 .. T, ahead = towards the first pellet
COLUMNS = TRACK + 8
