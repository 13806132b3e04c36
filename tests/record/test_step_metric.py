"""A metric that is called step, and the steps."""

import pytest

from homeostat.record.curves import CurveWriter, read_curves


def test_a_metric_called_step_does_not_replace_the_steps(tmp_path):
    pytest.importorskip("pandas")
    writer = CurveWriter(tmp_path / "curves.csv")
    for step in (0, 5):
        writer.append(step, {"step": 400.0 + step, "loss": 1.0})
    writer.close()
    curves = read_curves(tmp_path / "curves.csv")
    assert curves["step"].tolist() == [400.0, 405.0]
    table = curves.frame()
    assert table["step"].tolist() == [0, 5]
    assert table["step (metric)"].tolist() == [400.0, 405.0]
