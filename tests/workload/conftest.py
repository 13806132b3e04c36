"""Trials for workloads that are driven by hand."""

import pytest

from homeostat.workload.trial import Trial


@pytest.fixture
def trial_of(tmp_path):
    """Makes a trial of a workload, in a folder of its own unless another is given."""

    def make(workload, overrides=None, **options):
        options.setdefault("folder", tmp_path / "trial")
        options.setdefault("budget", workload.budget)
        return Trial(workload.space.resolve(overrides), **options)

    return make
