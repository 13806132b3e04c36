"""Ray clusters of the tests' own."""

from __future__ import annotations

import contextlib
import importlib.util
import os

import pytest


def have(module: str) -> bool:
    """Whether a package is installed; in CI it has to be."""
    return importlib.util.find_spec(module) is not None or os.environ.get("CI") == "true"


needs_submitit = pytest.mark.skipif(not have("submitit"), reason="submitit is not installed")
needs_ray = pytest.mark.skipif(not have("ray"), reason="Ray is not installed")


@contextlib.contextmanager
def two_nodes():
    """A real cluster of two nodes with one CPU each on this machine; the second may be killed.

    Ray takes our word for it that the second has a GPU.
    """
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()
    before = os.environ.get("RAY_ADDRESS")
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    try:
        second = cluster.add_node(num_cpus=1, num_gpus=1)
        os.environ["RAY_ADDRESS"] = cluster.address
        yield lambda: cluster.remove_node(second, allow_graceful=False)
    finally:
        if before is None:
            os.environ.pop("RAY_ADDRESS", None)
        else:
            os.environ["RAY_ADDRESS"] = before
        ray.shutdown()
        cluster.shutdown()
