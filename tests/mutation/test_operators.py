"""Mutations are what they say: programs, each with one change, of what a program does."""

import ast

from .operators import mutations

SOURCE = '''
def middle(values, strict):
    """The middle value: 1 of 3."""
    if not values and strict:
        raise ValueError(f"no value in {len(values) + 1}")
    ranked = sorted(values)
    ranked.append(2)
    return ranked[len(ranked) // 2] if len(ranked) > 1 else None
'''


def test_each_is_a_program_with_one_change():
    found = list(mutations(SOURCE))
    assert len({mutation.source for mutation in found}) == len(found)
    for mutation in found:
        changed = ast.unparse(ast.parse(mutation.source)).splitlines()
        before = ast.unparse(ast.parse(SOURCE)).splitlines()
        assert sum(a != b for a, b in zip(changed, before, strict=True)) == 1


def test_every_kind_is_made_and_words_are_left_alone():
    found = list(mutations(SOURCE))
    assert {mutation.kind for mutation in found} == {
        "not", "and/or", "left out", "constant", "arithmetic", "comparison", "branches", "returned",
    }  # fmt: skip
    assert not any(mutation.line in (3, 5) for mutation in found)
