"""Laws of the questions that ask a model again: any architecture, the fault planted or not."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from homeostat.inspect.checks.inputs import _arguments, _order, _places
from homeostat.inspect.checks.padding import _has_mask, _moved, tail_of
from homeostat.inspect.checks.rows import _Mixing, _mixing
from homeostat.inspect.tracer.asking import Asked, evaluating
from homeostat.record.check import Found

from .asked import called

quick = settings(max_examples=15, deadline=None)
WAYS = {
    "softmax": lambda x: F.log_softmax(x, 0),
    "normalised": lambda x: F.normalize(x, dim=0),
    "centred": lambda x: x - x.mean(0),
    "reshaped": lambda x: x.reshape(x.shape[1], x.shape[0]).t(),
    "ranked": lambda x: x + x.argsort(0).float(),
}
LAYERS = {
    "linear": lambda n: nn.Linear(n, n),
    "norm": lambda n: nn.LayerNorm(n),
    "batch norm": lambda n: nn.BatchNorm1d(n),
    "tanh": lambda n: nn.Tanh(),
    "dropout": lambda n: nn.Dropout(0.5),
    "softmax": lambda n: nn.Softmax(dim=1),
}


class Then(nn.Module):
    """Layers, with a function of the whole batch somewhere between them."""

    def __init__(self, layers, place, way):
        super().__init__()
        self.layers, self.place, self.way = nn.ModuleList(layers), place, way

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            if i == self.place and self.way:
                x = self.way(x)
            x = layer(x)
        return x


@quick
@given(
    kinds=st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=4),
    place=st.integers(0, 3), way=st.sampled_from([None, *sorted(WAYS)]),
    rows=st.integers(8, 40), width=st.integers(3, 9), seed=st.integers(0, 99),
)  # fmt: skip
@example(kinds=["norm"], place=0, way="normalised", rows=33, width=4, seed=84)
def test_rows_are_said_to_depend_on_each_other_only_if_they_do(
    kinds, place, way, rows, width, seed
):
    torch.manual_seed(seed)
    layers = [nn.Linear(width, width), *(LAYERS[k](width) for k in kinds), nn.Linear(width, width)]
    net = Then(layers, 1 + place % (len(layers) - 1), WAYS.get(way))
    answer = _mixing_of(net, torch.randn(rows, width))
    if way is None:
        assert answer == "independent"
    else:
        assert answer == "unseen" or isinstance(answer, _Mixing)
        assert way in ("ranked", "centred") or isinstance(answer, _Mixing)


def _mixing_of(net, x, axis=0):
    with evaluating(net):
        return _mixing(called(net, x), axis)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("first", [True, False])
def test_a_recurrence_along_the_batch_is_found_and_named(kind, first):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = kind(4, 8, batch_first=first), nn.Linear(8, 3)

        def forward(self, x):
            return self.out(self.rnn(x)[0][:, -1])

    answer = _mixing_of(Net(), torch.randn(12, 7, 4))
    if first:
        assert answer == "independent"
    else:
        assert isinstance(answer.part, kind)
        assert answer.name == "rnn"


@quick
@given(rows=st.integers(6, 20), times=st.integers(3, 9))
def test_a_model_with_batches_second_is_independent_along_its_own_axis(rows, times):
    net = nn.RNN(3, 5)
    assert _mixing_of(net, torch.randn(times, rows, 3), axis=1) == "independent"


def test_asking_leaves_a_model_as_it_was():
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    net[2].eval()
    before = {n: t.clone() for n, t in net.state_dict().items()}
    state = torch.get_rng_state()
    with evaluating(net):
        assert not any(m.training for m in net.modules())
        Asked(called(net, torch.randn(9, 4))).answer(seed=3)
        net[1].running_mean.add_(1)
    assert [m.training for m in net] == [True, True, False]
    assert all(torch.equal(t, before[n]) for n, t in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


class Reader(nn.Module):
    """One answer for a row of tokens; `way` says what becomes of padding."""

    def __init__(self, way, places=True, width=8):
        super().__init__()
        self.way, self.places = way, places
        self.emb, self.place = nn.Embedding(9, width, padding_idx=0), nn.Embedding(40, width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, tokens):
        pad = tokens == 0
        x = self.emb(tokens)
        if self.places:
            x = x + self.place(torch.arange(tokens.shape[1]))
        mask = {
            "hidden": pad, "inverted": ~pad, "ones": torch.zeros_like(pad), "absent": None,
            "averaged": pad, "pooled": None,
        }[self.way]  # fmt: skip
        x = self.layer(x, src_key_padding_mask=mask)
        return x.mean(1) if self.way in ("averaged", "pooled") else x[:, 0]


def padded(rows, length, seed):
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, 9, (rows, length), generator=g)
    lengths = 2 + torch.arange(rows) % (length - 2)
    return tokens.masked_fill(torch.arange(length)[None] >= lengths[:, None], 0), lengths


@quick
@given(
    way=st.sampled_from(["hidden", "inverted", "ones", "absent", "averaged"]),
    rows=st.integers(12, 24), length=st.integers(8, 14), seed=st.integers(0, 99),
)  # fmt: skip
def test_padding_is_seen_exactly_where_it_moves_answers(way, rows, length, seed):
    torch.manual_seed(seed)
    tokens, lengths = padded(rows, length, seed)
    net = Reader(way)
    call = called(net, tokens)
    tail = tail_of(call)
    assert tail is not None
    assert torch.equal(tail.lengths, lengths)
    with evaluating(net):
        moved, masked = _moved(call, tail), _has_mask(call)
    assert masked == (way != "absent")
    if way == "hidden":
        assert moved < 1e-3
    else:
        assert moved > 0.03


@quick
@given(rows=st.integers(6, 30), length=st.integers(4, 12), seed=st.integers(0, 99))
def test_whole_sentences_have_no_padding(rows, length, seed):
    tokens = torch.randint(1, 9, (rows, length), generator=torch.Generator().manual_seed(seed))
    tokens[:, -1] = torch.arange(rows) % 8 + 1
    assert tail_of(called(Reader("hidden"), tokens)) is None


@quick
@given(places=st.booleans(), first=st.booleans(), seed=st.integers(0, 99))
def test_order_is_invisible_exactly_where_neither_positions_nor_places_tell_it(places, first, seed):
    torch.manual_seed(seed)
    net = Reader("absent" if first else "pooled", places=places)
    tokens = torch.randint(1, 9, (10, 8))
    with evaluating(net):
        asked = Asked(called(net, tokens))
        finding = _order(Found("inputs"), asked, asked.steady())
    assert (finding is not None) == (not places and not first)


@quick
@given(
    width=st.integers(4, 12), used=st.integers(1, 12), seed=st.integers(0, 99)
)  # fmt: skip
def test_inputs_are_said_to_be_ignored_if_most_of_them_are(width, used, seed):
    torch.manual_seed(seed)
    used = min(used, width)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(used, 3)

        def forward(self, x):
            return self.body(x[:, :used])

    net = Net()
    with evaluating(net):
        asked = Asked(called(net, torch.randn(20, width)))
        finding = _places(Found("inputs"), asked, asked.steady())
    assert (finding is not None) == (width - used >= 0.5 * width)


@pytest.mark.parametrize("used", [True, False])
def test_an_argument_without_effect_is_named(used):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(4, 3), nn.Linear(5, 3)

        def forward(self, x, context):
            return self.one(x) + (self.two(context) if used else 0)

    net = Net()
    with evaluating(net):
        asked = Asked(called(net, torch.randn(12, 4), torch.randn(12, 5)))
        findings = _arguments(Found("inputs"), asked, asked.steady())
    assert bool(findings) == (not used)


@pytest.mark.parametrize("given", ["nothing", "loss", "training"])
def test_targets_that_are_given_to_a_model_have_an_effect(given):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.led = nn.Linear(4, 3), nn.Linear(3, 3)

        def forward(self, x, targets):
            answer = self.one(x)
            if given == "training" and self.training:
                answer = answer + self.led(targets)
            return answer, nn.functional.mse_loss(answer, targets) if given == "loss" else None

    net = Net()
    with evaluating(net):
        asked = Asked(called(net, torch.randn(12, 4), torch.randn(12, 3)))
        findings = _arguments(Found("inputs"), asked, asked.steady())
        assert not net.training
    assert bool(findings) == (given == "nothing")
