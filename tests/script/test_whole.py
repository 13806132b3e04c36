"""Scripts of our own, as people write them: probed, diagnosed and tuned without a change."""

import json

import pytest

from homeostat.cli.main import main

pytestmark = pytest.mark.slow


@pytest.fixture
def homeostat(at_desk, capfd):
    def call(*words):
        with pytest.raises(SystemExit) as caught:
            main([*words])
        out = capfd.readouterr()
        return caught.value.code, out.out, out.err

    return call


def probed(homeostat, *words):
    _, out, err = homeostat("probe", *words, "--json", "--seconds", "60")
    assert out, err
    document = json.loads(out)
    return [c for c in document["checks"] if c["status"] == "fault"], document


def test_argparse_and_a_data_loader(homeostat, desk):
    faults, _ = probed(homeostat, "with_argparse.py")
    assert [f["saw"][:9] for f in faults] == ["--warmup "]
    assert not list(desk.glob("*.pt"))
    code, out, _ = homeostat(
        "diagnose", "with_argparse.py", "--budget", "40s", "--", "--lr", "1e30"
    )
    assert code == 1
    assert "First offender" in out
    words = ("tune", "with_argparse.py", "--budget", "90s", "--jobs", "2", "--", "--warmup", "10")
    code, out, err = homeostat(*words)
    assert code == 0, out + err
    assert not list(desk.glob("*.pt"))
