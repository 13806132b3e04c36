"""The texts and the digits: what is trained on, what is held out, and the floors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from homeostat.errors import DataError
from homeostat.workloads.apoptosis.data import (
    corpora,
    digits,
    encode,
    pydoc_topics,
    python_source,
)
from homeostat.workloads.apoptosis.training import floors

ALPHABET = "abcdefgh"


def letters(count: int) -> str:
    return "".join(np.random.default_rng(0).choice(list(ALPHABET), count))


def test_the_last_tenth_is_held_out_and_never_drawn():
    text = encode("a" * 900 + "b" * 100, context=4, windows=5)
    assert (text.held_out[0] == 1).all()
    rng = np.random.default_rng(0)
    drawn = torch.cat([text.draw(rng, 64)[1] for _ in range(50)])
    assert (drawn == 0).all()
    assert (text.rows() == 0).all()


def test_targets_are_the_inputs_one_character_later():
    source = letters(2000)
    text = encode(source, context=8, windows=5)
    inputs, targets = text.draw(np.random.default_rng(1), 3)
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    assert all(text.decode(row) in source for row in inputs)


def test_held_out_windows_are_spread_over_all_of_the_held_out_part():
    source = letters(10_000)
    text = encode(source, context=10, windows=7)
    assert text.held_out[0].shape == (7, 10)
    assert text.decode(text.held_out[0][0]) == source[9000:9010]
    assert text.decode(text.held_out[1][-1]) == source[9490:9500]
    assert text.decode(text.test[0][0]) == source[9500:9510]
    assert text.decode(text.test[1][-1]) == source[-10:]


def test_every_training_window_can_be_drawn():
    text = encode("a" * 99 + "b" + "c" * 11, context=4, windows=2)
    rng = np.random.default_rng(0)
    last = max(int(text.draw(rng, 500)[1].max()) for _ in range(5))
    assert text.alphabet[last] == "b"  # the very last character of the training part


def test_texts_that_share_an_alphabet_agree_on_every_number():
    a, b = corpora(("pydoc_topics", "python_source"), context=16, windows=4)
    assert a.alphabet == b.alphabet
    assert b.decode(b.train_N[:200]) == python_source()[:200]
    assert set(a.alphabet) == set(pydoc_topics()) | set(python_source())


def test_the_default_text_is_there_and_long_enough_to_learn_from():
    assert len(pydoc_topics()) > 300_000


def test_a_short_text_and_a_strange_character_are_refused():
    with pytest.raises(DataError, match="at least 340"):
        encode("abc", context=16, windows=4)
    with pytest.raises(DataError, match="'é'"):
        encode("é" * 1000, context=8, windows=4, alphabet="abc")


def test_the_floors_of_random_letters_are_all_the_entropy_of_letters():
    text = encode(letters(200_000), context=16, windows=400)
    found = floors(text)
    assert found["uniform"] == pytest.approx(np.log(8))
    assert found["unigram"] == pytest.approx(np.log(8), abs=0.01)
    assert found["bigram"] == pytest.approx(np.log(8), abs=0.01)


def test_the_bigram_floor_of_a_strict_alternation_is_nothing():
    found = floors(encode("ab" * 50_000, context=16, windows=50))
    assert found["unigram"] == pytest.approx(np.log(2), abs=1e-3)
    assert found["bigram"] < 1e-3


def test_digits_are_held_out_and_scaled():
    data = digits()
    assert len(data.images) + len(data.held_out[0]) + len(data.test[0]) == 1797
    assert (data.images.min(), data.images.max()) == (0, 1)
    rows = {tuple(image.flatten().tolist()) for image in data.images}
    held = [tuple(image.flatten().tolist()) for image in data.held_out[0]]
    assert not rows & set(held)
