"""Snapshots: what goes in comes out, types, dtypes and bits included, and nothing else can."""

import warnings
from collections import Counter, OrderedDict, deque

import numpy as np
import pytest

from homeostat.errors import RecordError
from homeostat.record.snapshot import read_snapshot, write_snapshot


def round_trip(tmp_path, tree):
    write_snapshot(tmp_path / "snapshot.npz", tree)
    return read_snapshot(tmp_path / "snapshot.npz")


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple, deque)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a == b or (a != a and b != b)


def test_plain_values_and_containers_come_back_as_they_were(tmp_path):
    tree = {
        "none": None,
        "numbers": [True, 1, 2**127, -0.1, 1e-310, float("inf"), float("nan")],
        1: ("tuple", (), {"nested": {2.5: b"bytes\x00", None: "ключ"}}),
        (3, "pair"): {4, 5},
        "ordered": OrderedDict(b=1, a=2),
        "counter": Counter({10: 2}),
        "deque": deque([1, 2]),
    }
    assert same(round_trip(tmp_path, tree), tree)


def test_arrays_and_numpy_scalars_keep_dtype_and_shape(tmp_path):
    tree = [
        np.zeros((0, 3)),
        np.array(3.5),
        np.float32(0.1),
        np.arange(6, dtype=np.uint8).reshape(2, 3).T,
        np.array(["a", "bc"]),
        np.array([1 + 2j]),
        np.array([True]),
    ]
    assert same(round_trip(tmp_path, tree), tree)


def test_tensors_of_every_kind_keep_their_bits(tmp_path):
    torch = pytest.importorskip("torch")
    values = torch.linspace(-3, 3, 12).reshape(3, 4)
    kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn]
    tree = {str(kind): values.to(kind) for kind in kinds}
    tree |= {
        "scalar": torch.tensor(2.0, dtype=torch.bfloat16),
        "empty": torch.empty(0, 2, dtype=torch.bfloat16),
        "bool": values > 0,
        "complex": torch.complex(values, -values).conj(),
        "transposed": values.T,
        "parameter": torch.nn.Parameter(values),
    }
    back = round_trip(tmp_path, tree)
    for name, tensor in tree.items():
        assert back[name].dtype == tensor.dtype
        assert back[name].shape == tensor.shape
        # float8 has no comparison of its own
        assert torch.equal(back[name].to(torch.complex64), tensor.to(torch.complex64))


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_an_optimiser_goes_on_from_a_snapshot_as_if_nothing_had_happened(tmp_path, name):
    torch = pytest.importorskip("torch")

    def build():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
        options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.05, **options)
        schedulers = [
            torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4]),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10),
        ]
        return model, optimizer, *schedulers

    def train(parts, steps):
        model, optimizer, *schedulers = parts
        for step in steps:
            x = torch.sin(torch.arange(15.0).reshape(5, 3) + step)
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
            for scheduler in schedulers:
                scheduler.step()

    straight = build()
    train(straight, range(6))
    first = build()
    train(first, range(3))
    saved = round_trip(tmp_path, [part.state_dict() for part in first])
    second = build()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for part, state in zip(second, saved, strict=True):
            part.load_state_dict(state)
    train(second, range(3, 6))
    for a, b in zip(
        straight[0].state_dict().values(), second[0].state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize("thing", [object(), lambda: None, np.array([object()]), {1: [print]}])
def test_what_cannot_be_kept_is_refused_with_its_place(tmp_path, thing):
    with pytest.raises(RecordError, match=r"cannot hold state\['here'\]"):
        write_snapshot(tmp_path / "snapshot.npz", {"here": thing})
    assert not list(tmp_path.iterdir())


def test_a_pickle_in_disguise_is_not_loaded(tmp_path):
    path = tmp_path / "snapshot.npz"
    np.savez(path, skeleton=np.array([print], dtype=object))
    with pytest.raises(RecordError, match="Cannot read"):
        read_snapshot(path)


def test_a_damaged_snapshot_is_told(tmp_path):
    path = tmp_path / "snapshot.npz"
    write_snapshot(path, {"a": np.arange(1000)})
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(RecordError, match="Cannot read"):
            read_snapshot(path)


def test_an_old_snapshot_survives_a_failed_new_one(tmp_path):
    path = tmp_path / "snapshot.npz"
    write_snapshot(path, {"step": 1})
    with pytest.raises(RecordError):
        write_snapshot(path, {"step": object()})
    assert read_snapshot(path) == {"step": 1}
