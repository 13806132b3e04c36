"""Packages that only some tests need: absent, they skip a test at home and fail it in CI."""

from __future__ import annotations

import importlib
import os

import pytest
import torch

# As in a trial's process: a second thread costs more than it brings on networks this small.
torch.set_num_threads(1)


@pytest.fixture
def need():
    """need("mlx.core", "mlx") is the module, or a skip that says what to install."""

    def find(name: str, extra: str):
        if os.environ.get("CI") == "true":
            return importlib.import_module(name)
        reason = f"{name} is not installed: pip install 'homeostat[{extra}]'"
        return pytest.importorskip(name, reason=reason)

    return find
