"""Which value is better is decided by `Goal`, and by nothing else."""

import ast
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.errors import WorkloadError
from homeostat.workload.goal import Goal

SOURCE = Path(__file__).parents[2] / "src" / "homeostat"
GOAL = SOURCE / "workload" / "goal.py"
WORDS = {goal.value for goal in Goal}
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
GOALS = st.sampled_from(Goal)


@settings(deadline=None)
@given(GOALS, NUMBERS, NUMBERS)
def test_of_two_values_one_is_better_unless_they_are_equal(goal, a, b):
    assert goal.better(a, b) + goal.better(b, a) == (a != b)
    assert goal.worse(a, b) == goal.better(b, a)
    assert goal.better(a, b) == (goal.gain(a, over=b) > 0)


@settings(deadline=None)
@given(NUMBERS, NUMBERS)
def test_a_goal_on_a_mirrored_metric_is_the_other_goal(a, b):
    assert Goal.MINIMIZE.better(a, b) == Goal.MAXIMIZE.better(-a, -b)


@settings(deadline=None)
@given(GOALS, st.lists(NUMBERS, min_size=1))
def test_the_best_and_the_worst_are_the_ends_of_the_ranking(goal, values):
    ranked = goal.ranked(values, key=float)
    assert goal.best(values) == ranked[0]
    assert goal.worst(values) == ranked[-1]
    assert not any(goal.better(value, goal.best(values)) for value in values)
    assert sorted(ranked) == sorted(values)
    assert goal.best_so_far(values)[-1] == goal.best(values)


@settings(deadline=None)
@given(GOALS, st.lists(st.integers(0, 3), min_size=1))
def test_of_equals_the_first_counts_and_the_order_stays(goal, values):
    items = list(enumerate(values))
    ranked = goal.ranked(items, key=lambda item: item[1])
    assert ranked[0] == goal.best(items, key=lambda item: item[1])
    for (i, a), (j, b) in itertools.pairwise(ranked):
        assert a != b or i < j


@pytest.mark.parametrize("goal", Goal)
def test_a_number_that_is_none_is_neither_better_nor_worse(goal):
    assert not goal.better(math.nan, 1.0) and not goal.better(1.0, math.nan)
    assert goal.better(1.0, goal.worst_possible)
    assert list(goal.best_so_far([np.nan, 2.0, np.nan]))[1:] == [2.0, 2.0]


def test_a_goal_is_the_word_that_files_write():
    assert Goal.MINIMIZE == "minimize" and f"{Goal.MAXIMIZE}" == "maximize"


@pytest.mark.parametrize("word", ["maximise", "", None, 1])
def test_another_word_is_refused_with_both_that_are_right(word):
    with pytest.raises(WorkloadError, match="'minimize' or 'maximize'"):
        Goal.of(word, "accuracy")


def offences(tree: ast.AST) -> list[int]:
    """Lines on which code tells the goals apart by itself."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Dict):
            sides = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.MatchValue):
            sides = [node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            sides = node.args if node.func.attr in ("startswith", "endswith") else []
        elif isinstance(node, ast.arg) and node.arg in ("maximize", "minimize", "maximise"):
            found.append(node.lineno)  # a flag beside the goal is a second form of it
            continue
        else:
            continue
        if any(is_a_goal(side) for side in sides):
            found.append(node.lineno)
    return found


def is_a_goal(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(is_a_goal(item) for item in node.elts)
    if isinstance(node, ast.Attribute) and node.attr in ("MINIMIZE", "MAXIMIZE"):
        return True
    return isinstance(node, ast.Constant) and node.value in WORDS


@pytest.mark.parametrize(
    "code",
    ["sign = -1 if goal == 'maximize' else 1", "x = max if 'minimize' != g else min",
     "f = {'maximize': max, 'minimize': min}[goal]", "goal in ('maximize',)",
     "def f(values, *, maximize=False): ...", "g.startswith('maximize')",
     "match g:\n    case 'minimize': pass", "goal is Goal.MAXIMIZE"],
)  # fmt: skip
def test_the_law_sees_code_that_compares_by_itself(code):
    assert offences(ast.parse(code))


@pytest.mark.parametrize(
    "code", ["w(metric='loss', goal='minimize')", "objectives={'fitness': 'maximize'}", "g.best(v)"]
)
def test_naming_a_goal_is_no_comparison(code):
    assert not offences(ast.parse(code))


def test_no_other_file_tells_the_goals_apart():
    found = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in SOURCE.rglob("*.py")
        if path != GOAL
        for line in offences(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, f"ask Goal instead: {', '.join(found)}"
