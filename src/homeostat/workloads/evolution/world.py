"""The rules of the world as numbers: what gravity, ground, senses and fitness are in one run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from homeostat.workloads.evolution.capacity import TIME

ACTIVATIONS = ("tanh", "relu", "sigmoid")
MODES = ("pure", "hybrid", "neat")
TIME_ENCODINGS = ("none", "sin", "raw", "cyclic", "sin_raw")

# Why a creature was disqualified, as the kernels number it.
REASONS = ("", "not finite", "too far", "too high", "too fast")


class World(NamedTuple):
    """Everything the kernels need to know besides the creatures. SI units."""

    steps: int  # control steps
    substeps: int
    step_s: float
    substep_s: float
    gravity: float
    drag: float  # factor on velocities per substep
    length_step: float  # most a rest length changes in a control step
    max_extension: float
    pellet_reach: float
    arena: float  # half-width pellets are clamped to; 0 = nowhere
    max_distance: float
    max_height: float
    max_hz: float
    mode: int  # index in MODES
    activation: int  # of hidden neurons, index in ACTIVATIONS
    think_every: int
    smoothing: float
    dead_zone: float
    time_sin: int  # the column of -cos(pi t), 0 = none
    time_cos: int  # the column of sin(pi t)
    time_raw: int  # the column of 2 t / T - 1
    proprioception: int
    touch: int  # 1: progress is that of the node nearest to touching; 0: of the centre
    pellet_points: float
    progress_points: float
    points_per_metre: float
    travel_points: float
    regression_points: float
    efficiency_points: float  # at mean |u| = 1

    @property
    def clock_inputs(self) -> int:
        """How many inputs tell the time."""
        return sum(column > 0 for column in (self.time_sin, self.time_cos, self.time_raw))


def clock_columns(encoding: str, first: int) -> tuple[int, int, int]:
    """Columns of -cos(pi t), sin(pi t) and 2 t / T - 1 in a time encoding; 0 where absent."""
    return {
        "none": (0, 0, 0),
        "sin": (first, 0, 0),
        "raw": (0, 0, first),
        "cyclic": (first, first + 1, 0),
        "sin_raw": (first, 0, first + 1),
    }[encoding]


def world_of(config: Mapping[str, Any]) -> World:
    """The world a configuration describes (see `space.py` for its parameters)."""
    fps, substeps = config["physics_fps"], config["physics_substeps"]
    step_s = 1.0 / fps
    mode = MODES.index(config["neural_mode"])
    encoding = config["time_encoding" if config["neural_mode"] == "hybrid" else "time_input"]
    time_sin, time_cos, time_raw = clock_columns(encoding, TIME)
    return World(
        steps=round(config["simulation_duration"] * fps),
        substeps=substeps,
        step_s=step_s,
        substep_s=step_s / substeps,
        gravity=float(config["gravity"]),
        drag=math.pow(1.0 - config["damping"], step_s / substeps),
        length_step=config["velocity_cap"] * step_s,
        max_extension=float(config["max_extension"]),
        pellet_reach=float(config["pellet_reach"]),
        arena=0.45 * config["arena_size"],
        max_distance=50.0,
        max_height=30.0,
        max_hz=3.0,
        mode=mode,
        activation=ACTIVATIONS.index(config["neural_activation"]),
        think_every=max(1, int(fps / config["neural_update_hz"])),
        smoothing=float(config["output_smoothing"]),
        dead_zone=0.0 if mode == MODES.index("hybrid") else float(config["neural_dead_zone"]),
        time_sin=time_sin,
        time_cos=time_cos,
        time_raw=time_raw,
        proprioception=int(config["use_proprioception"]),
        touch=int(config["fitness_progress"] == "touch"),
        pellet_points=float(config["fitness_pellet_points"]),
        progress_points=float(config["fitness_progress_max"]),
        points_per_metre=float(config["fitness_distance_per_unit"]),
        travel_points=float(config["fitness_distance_traveled_max"]),
        regression_points=float(config["fitness_regression_penalty"]),
        efficiency_points=config["fitness_efficiency_penalty"] * 10.0 * fps / 60.0,
    )
