"""The diagnosis that the HyperPerturb notes were missing."""

from __future__ import annotations

import pytest

from homeostat.inspect.diagnose import diagnose
from homeostat.inspect.diagnose.diagnosis import Diagnosis

THE_SIX = ("gcn1.weight", "gcn1.bias", "norm.weight", "norm.bias", "gcn2.weight", "gcn2.bias")


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Diagnosis:
    results = tmp_path_factory.mktemp("results")
    return diagnose("hyperperturb", config="as_documented", fix=True, results=results, budget=4)


def test_the_six_tensors_and_the_singular_norm(found):
    offence = found.offence
    assert (offence.step, offence.phase, offence.operation) == (0, "backward", "SqrtBackward0")
    assert offence.bad_gradients == THE_SIX
    assert offence.num_parameters == 14
    assert offence.source.startswith("ball.py:")
    assert offence.module in ("policy_gcn", "value_gcn")
    assert all(norm == 0.0 for norm in offence.row_norms)
    assert all(name.startswith("gene") for name in offence.row_names)


def test_no_rate_helps_down_to_1e_9(found):
    assert found.rates.insensitive
    assert [trial.rate for trial in found.rates.trials] == pytest.approx([1e-5, 1e-7, 1e-9, 0.0])


def test_a_smaller_precision_is_not_all_that_is_wrong(found):
    # On processors with AVX-512 some rows are zero by rounding only, and 64 bits get past them; on
    # others they are zero in 64 bits as well (both measured). Either way no rate helps.
    assert found.precision.verdict in ("rounding", "singular")


def test_the_cures_and_what_is_none(found):
    rungs = {rung.label: rung.cured for rung in found.ladder.rungs}
    assert rungs["safe norm"]
    assert rungs["log-normalised features"]
    for label in ("lower learning rate", "gradient clipping", "softmax head", "plain Adam"):
        assert not rungs[label]


def test_the_override_that_is_never_called(found):
    assert found.audits[0].dead == ("resource_apply_dense",)


def test_the_dead_outputs_of_the_policy(found):
    assert "policy" in [gauge.module for gauge in found.dead_outputs]


def test_the_fix_ends_in_a_run_that_trains(found):
    assert found.fix.stable
    assert found.fix.cures == ("safe norm",)


def test_the_text_has_it_all(found):
    text = str(found)
    for words in (
        *THE_SIX,
        "norm of a row that is exactly zero",
        "1e-09",
        "not a step-size problem",
    ):
        assert words in text
    cured = [line for line in text.splitlines() if " cures  " in line]
    assert [line.strip().split("  ")[0] for line in cured][:2] == [
        "safe norm",
        "log-normalised features",
    ]
