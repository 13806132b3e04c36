"""Claims files: read whole, and refused with the place and the reason."""

import pytest

from homeostat.errors import ConfigError, SpaceError, UnknownNameError
from homeostat.evidence.claims import load_claims
from homeostat.space import Float, Int, Space
from homeostat.workload.load import find

SPACE = Space(lr=Float(1e-4, 1.0, log=True, default=0.1), size=Int(1, 64, default=8))

GOOD = """
samples: [size]
baseline: small
total: {expected: [10, 20]}
claims:
  faster:
    change: {lr: 0.5}
    expected: [2, 5]
    reason: It is faster.
  longer: {budget: 2}
"""


def load(tmp_path, text):
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    return load_claims(path, SPACE)


def test_a_file_with_one_group_needs_no_name_for_it(tmp_path):
    (claims,) = load(tmp_path, GOOD).values()
    faster, longer = claims.claims
    assert faster.change == {"lr": 0.5}
    assert faster.expected == (0.02, 0.05)
    assert longer.expected is None
    assert longer.budget == 2.0
    assert claims.total == (0.10, 0.20)
    assert claims.samples == ("size",)
    assert claims.only(("longer",)).claims == (longer,)
    with pytest.raises(UnknownNameError, match="No claim 'fastr'"):
        claims.only(("fastr",))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("lr: 0.5", "lr: 5"), SpaceError, "faster: lr: 5 is outside"),
        (("lr: 0.5", "lrr: 5"), UnknownNameError, "Did you mean 'lr'"),
        (("expected: [2, 5]", "expected: [5, 2]"), ConfigError, "low then high"),
        (("expected: [2, 5]", "expected: some"), ConfigError, "two numbers in per cent"),
        (("reason", "raeson"), ConfigError, "Did you mean 'reason'"),
        (("budget: 2", "budget: 0"), ConfigError, "above 0"),
        (("budget: 2", "reason: none"), ConfigError, "it changes nothing"),
        (("baseline: small", ""), ConfigError, "which configuration is the baseline"),
        (("samples: [size]", "samples: [sise]"), UnknownNameError, "samples names 'sise'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, change, error, message):
    with pytest.raises(error, match=r"claims\.yaml") as caught:
        load(tmp_path, GOOD.replace(*change))
    assert message in str(caught.value)


def test_the_guides_claims_are_all_there():
    visioncore = find("visioncore")
    groups = load_claims(visioncore.claims, visioncore.space)
    assert groups["resnet"].total == (0.30, 0.50)
    assert groups["polar"].total == (0.20, 0.40)
    expected = {
        "resnet": {
            "core learning rate": (0.05, 0.10),
            "batch size": (0.02, 0.05),
            "steps per epoch": (0.02, 0.05),
            "AdamW betas": (0.02, 0.05),
            "RMSNorm affine": (0.02, 0.05),
            "ConvGRU layer norm": (0.10, 0.15),
            "ConvGRU learned first state": (0.02, 0.05),
            "ConvGRU candidate fix": (0.05, 0.10),
            "proper initialisation": (0.01, 0.03),
        },
        "polar": {
            "core learning rate": (0.05, 0.10),
            "longer warm-up": (0.02, 0.05),
            "steps per epoch": (0.02, 0.05),
            "full training duration": (0.05, 0.10),
            "AdamW betas": (0.02, 0.05),
            "learnable alphas": (0.03, 0.07),
            "relaxed initialisation": (0.02, 0.05),
        },
    }
    for group, ranges in expected.items():
        claims = {claim.name: claim for claim in groups[group].claims}
        for name, wanted in ranges.items():
            assert claims[name].expected == pytest.approx(wanted)
        assert all(claim.reason for claim in claims.values())
    changes = {
        key: value
        for claim in groups["resnet"].claims
        if claim.in_total
        for key, value in claim.change.items()
    }
    from homeostat.space import configs

    optimised = configs.load("resnet_optimised", visioncore).resolve(visioncore.space)
    original = configs.load("resnet_original", visioncore).resolve(visioncore.space)
    assert {k for k in optimised if optimised[k] != original[k]} == set(changes)
    assert all(optimised[key] == value for key, value in changes.items())
