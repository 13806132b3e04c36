"""The most a creature may have, and the columns of its senses.

A brain's inputs stand in fixed columns, the same for every creature; a sensor a creature lacks has
no connection. Hidden neurons follow from column `FIRST_HIDDEN` in the order they are computed.
"""

from __future__ import annotations

MAX_NODES = 10
MAX_MUSCLES = 20
MAX_PAIRS = MAX_NODES * (MAX_NODES - 1) // 2
MAX_HIDDEN = 32
MAX_CONNECTIONS = 512

BIAS = 0  # always 1
DIRECTION = 1  # to the pellet, unit vector: 3 columns
MOTION = 4  # displacement of the centre of mass since the last thought / 0.1 m: 3 columns
DISTANCE = 7  # to the pellet / 20 m
TIME = 8  # up to two encodings of the clock
STRAIN = 10  # (length - rest) / rest, one column per muscle
VELOCITY = STRAIN + MAX_MUSCLES  # / 10 m/s, three columns a node
CONTACT = VELOCITY + 3 * MAX_NODES  # 1 on the ground, one column per node
FIRST_HIDDEN = CONTACT + MAX_NODES
COLUMNS = FIRST_HIDDEN + MAX_HIDDEN
MAX_ROWS = MAX_HIDDEN + MAX_MUSCLES  # neurons that compute: hidden, then one output a muscle
