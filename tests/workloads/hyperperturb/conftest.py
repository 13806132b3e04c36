"""What the HyperPerturb tests share: configurations by name, learners, the Papalexi data."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from homeostat import data
from homeostat.space import configs
from homeostat.workloads.hyperperturb import training
from homeostat.workloads.hyperperturb.data import prepare
from homeostat.workloads.hyperperturb.workload import hyperperturb


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """As in a real run: small matrices only lose by being shared between threads."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def papalexi():
    """Skips where the real data are not, except on the continuous integration machine."""
    if not data.have("papalexi") and os.environ.get("CI") != "true":
        pytest.skip(f"papalexi is not in {data.folder()}; see: homeostat data get papalexi")
    return data.locate("papalexi")


@pytest.fixture(scope="session")
def configure():
    """configure("small", dropout=0.0) -> a whole configuration."""

    def make(name, **changes):
        return configs.load(name, hyperperturb).resolve(hyperperturb.space, changes)

    return make


@pytest.fixture(scope="session")
def learner():
    """learner(config, seed) -> (a learner, its problem), with streams of that seed."""

    def make(config, seed=0):
        problem = prepare(config, np.random.default_rng(seed))
        streams = [torch.Generator().manual_seed(2 * seed + i) for i in range(2)]
        settings = training.model_settings(config)
        return training.EffectLearner(problem, config, settings, *streams), problem

    return make
