"""What `homeostat adopt` writes is read back as the same workload, and may be edited."""

import pytest

from homeostat.cli.main import main
from homeostat.errors import ConfigError
from homeostat.workload import load


def test_an_adopted_script_is_the_same_workload_until_it_is_edited(at_desk, capsys):
    with pytest.raises(SystemExit) as done:
        main(["adopt", "with_constants.py", "--force"])
    assert not done.value.code
    file = at_desk / "with_constants.homeostat.yaml"
    one, two = load.find("with_constants.py"), load.find(str(file))
    assert repr(one.space) == repr(two.space)
    assert (one.metric, one.budget) == (two.metric, two.budget)
    text = file.read_text()
    assert "# Minimize val_loss" in text
    file.write_text(text.replace("metric: val_loss", "metric: loss"))
    assert load.find(str(file)).metric == "loss"
    file.write_text(text.replace("metric:", "metrik:"))
    with pytest.raises(ConfigError, match="no key 'metrik' here"):
        load.find(str(file))
    with pytest.raises(SystemExit) as refused:
        main(["adopt", "with_constants.py"])
    assert refused.value.code == 1
    assert "is there already" in capsys.readouterr().err


def test_report_does_nothing_by_itself_and_reaches_the_run_inside_one(script):
    import homeostat as hs

    hs.report(val_loss=1.0)
    text = "import homeostat as hs\nfor e in range(3):\n    hs.report(val_loss=1 / (e + 1))\n"
    found = load.find(str(script(text)))
    assert (found.metric, found.budget) == ("val_loss", 3)
