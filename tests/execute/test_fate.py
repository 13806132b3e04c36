"""What becomes of attempts whose process is gone, decided without any process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.execute.fate import RETRIES, STARTS, Again, End, Fate, Loss
from homeostat.record.outcome import Outcome


def loss(*, killed=True, begun=True, stopping=False):
    return Loss(reason="it is gone", killed=killed, begun=begun, stopping=stopping)


def test_an_attempt_that_is_killed_goes_on_so_many_times_and_then_has_failed():
    fate = Fate()
    decisions = [fate.lost(["a"], loss())["a"] for _ in range(RETRIES + 1)]
    assert decisions[:-1] == [Again()] * RETRIES
    assert decisions[-1] == End(Outcome.FAILED, f"it is gone, {RETRIES + 1} times")
    assert fate.losses("a") == RETRIES + 1


def test_losses_before_it_began_count_less_and_still_come_to_an_end():
    fate = Fate()
    decisions = [fate.lost(["a"], loss(begun=False))["a"] for _ in range(STARTS)]
    assert decisions[:-1] == [Again()] * (STARTS - 1)
    assert decisions[-1] == End(Outcome.FAILED, f"it is gone, {STARTS} times")


def test_a_single_attempt_that_crashes_its_process_has_failed_at_once():
    assert Fate().lost(["a"], loss(killed=False)) == {"a": End(Outcome.FAILED, "it is gone")}


def test_of_several_nobody_is_blamed_before_each_was_alone():
    fate = Fate()
    assert fate.lost(["a", "b"], loss(killed=False)) == {"a": Again(), "b": Again()}
    assert fate.lost(["a"], loss(killed=False)) == {"a": End(Outcome.FAILED, "it is gone")}
    assert fate.losses("b") == 0
    late = fate.offended(["a", "b"], Outcome.TIMEOUT, "late")
    assert late == {"a": Again(), "b": Again()}
    assert fate.offended(["b"], Outcome.TIMEOUT, "late") == {"b": End(Outcome.TIMEOUT, "late")}


@pytest.mark.parametrize("attempts", [["a"], ["a", "b"]])
def test_while_everything_stops_nothing_is_taken_up_again(attempts):
    fate = Fate()
    killed = fate.lost(attempts, loss(stopping=True))
    assert set(killed.values()) == {End(Outcome.INTERRUPTED, "it is gone")}
    crashed = fate.lost(attempts, loss(killed=False, stopping=True))
    assert set(crashed.values()) == {End(Outcome.FAILED, "it is gone")}
    late = fate.offended(attempts, Outcome.INTERRUPTED, "stopped by Ctrl-C", stopping=True)
    assert set(late.values()) == {End(Outcome.INTERRUPTED, "stopped by Ctrl-C")}


EVENTS = st.builds(
    Loss, reason=st.just("gone"), killed=st.booleans(), begun=st.booleans(), stopping=st.booleans()
)


@given(st.lists(EVENTS, min_size=STARTS, max_size=30), st.integers(1, 4))
def test_every_attempt_comes_to_an_end_and_what_was_only_killed_is_never_blamed_early(events, size):
    fate, left = Fate(), [f"attempt {index}" for index in range(size)]
    begun = dict.fromkeys(left, 0)
    for event in events:
        if not left:
            break
        decisions = fate.lost(left, event)
        assert set(decisions) == set(left)
        for attempt, decision in decisions.items():
            begun[attempt] += event.killed and event.begun
            if event.stopping:
                assert isinstance(decision, End)
            if isinstance(decision, End) and event.killed and not event.stopping:
                assert begun[attempt] > RETRIES or decision.outcome is Outcome.FAILED
        # Whoever is taken up again is alone from there on.
        left = [a for a, decision in decisions.items() if isinstance(decision, Again)][:1]
    assert not left


def test_an_attempt_that_ended_is_forgotten():
    fate = Fate()
    for _ in range(RETRIES):
        fate.lost(["a"], loss())
    fate.forget("a")
    assert fate.lost(["a"], loss()) == {"a": Again()}
