"""Results files of `nas` among others."""

import json

from homeostat.workloads.evolution.compared import latest


def test_foreign_json_beside_the_results_is_passed_over(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2]")
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "c.json").write_text('{"per_seed": 3}')
    good = {"per_seed": [], "config_name": "x", "final": {"fitness": {"mean": 1.0}}}
    (tmp_path / "d.json").write_text(json.dumps(good))
    assert latest("x", tmp_path) == good
    assert latest("y", tmp_path) is None
