"""What users call says how: every public name has an example, and the example runs."""

import doctest

import pytest

import homeostat as hs

# These begin processes or searches of seconds.
LONG = {"tune", "TuneResult", "verify"}
NAMES = [pytest.param(n, marks=pytest.mark.slow if n in LONG else ()) for n in hs.__all__]


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_public_name_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = getattr(hs, name).__doc__
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert example.examples, f"hs.{name} has no example"
    said = []
    doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not said, "".join(said)
