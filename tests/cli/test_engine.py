"""The options for engines come to one text, and what does not fit together is refused."""

import pytest

from homeostat.cli.engine import cores, where
from homeostat.errors import UnknownNameError


def test_the_options_of_ray_become_part_of_the_engine():
    there = where("ray", 4, "auto", "10.0.0.1:6379", 2.0, 0.5)
    assert there.engine == "ray:address=10.0.0.1:6379,cpus=2,gpus=0.5"
    assert (there.jobs, there.device) == (4, "cuda")
    assert where("ray:cpus=2", 1, "auto", gpus=0.0).engine == "ray:cpus=2,gpus=0"
    assert where("local", 3, "cpu", "auto").engine == "ray:address=auto"


def test_elsewhere_everything_is_as_it_was():
    here = where("local", None, "cpu")
    assert (here.engine, here.jobs, here.device) == ("local", cores(), "cpu")
    with pytest.raises(UnknownNameError, match="inline has no options"):
        where("inline", None, "cpu", gpus=1.0)
