"""An attempt has one thread, and afterwards the caller has as many as before."""

from __future__ import annotations

import re

import pytest
import torch

from homeostat.execute.loop.threads import one_thread


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def every_count():
    """What PyTorch says of each library it uses, the MKL that it carries inside included."""
    return set(
        re.findall(
            r"(?:max_threads\(\)|get_num_threads\(\)) : (\d+)", torch.__config__.parallel_info()
        )
    )


def test_pytorch_and_what_it_carries_are_limited_and_given_back(two_threads):
    for _ in range(2):  # a second attempt in the same process as well
        assert every_count() == {"2"}
        undo = one_thread()
        assert every_count() == {"1"}
        undo()
    assert every_count() == {"2"}
    assert torch.get_num_threads() == 2
