"""A trained network kept and used: its test part, its own texts, its predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import homeostat as hs
from homeostat.errors import DataError
from homeostat.execute.predict import predict
from homeostat.workload.beside import tables
from homeostat.workloads.apoptosis.data import encode, read_text
from homeostat.workloads.apoptosis.reading import load

SMALL = {"width": 8, "layers": 4, "heads": 1, "context": 16, "batch": 2, "eval_windows": 4}
SMALL |= {"architecture": "A", "max_lifespan": 20}
PROSE = "the quick brown fox jumps over the lazy dog and sleeps. " * 40


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbf" + PROSE.encode())
    (folder / "b.txt").write_text(PROSE.replace("fox", "cat"))
    texts = {"text": str(folder / "a.txt"), "text_b": str(folder / "b.txt"), "phases": "three"}
    return hs.run("apoptosis", {**SMALL, **texts}, budget=60, results=folder / "results")


def test_a_byte_order_mark_is_no_letter(tmp_path):
    file = tmp_path / "mine.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file.write_text(PROSE, encoding=encoding)
        assert read_text(str(file)) == PROSE


def test_the_test_part_shares_no_character_with_what_chooses():
    numbers = "".join(chr(0x4E00 + i) for i in range(1_000))
    text = encode(numbers, context=8, windows=5)
    parts = [set(text.train_N.tolist())]
    parts += [set(torch.cat(p).ravel().tolist()) for p in (text.held_out, text.test)]
    for i, one in enumerate(parts):
        assert one and not any(one & other for other in parts[i + 1 :])


def test_the_loss_stands_beside_the_baseline_and_the_frequencies_of_letters(run):
    (table,) = tables(a.extra for a in run.attempts)
    rows = {row[0]: row[1:] for row in table.rows}
    assert {"this network", "without dying layers", "unigram", "bigram"} <= set(rows)
    assert all(math.isfinite(loss) for loss in rows["without dying layers"])
    gap = rows["this network"][0] - rows["without dying layers"][0]
    assert gap == pytest.approx(run.curves()[42].last("gap"))
    assert run.curves()[42].last("deaths") > 0 and "deaths in 60 steps" in table.notes[0]


def test_a_prediction_scores_as_training_did(run):
    network, facts = load(run.attempts[0].folder / "artifacts" / "weights.safetensors")
    text = encode(PROSE, context=16, windows=4, alphabet=facts["alphabet"])
    inputs, targets = text.test
    with torch.no_grad():
        scores = network(inputs).log_softmax(-1)
    loss = -scores.gather(2, targets[..., None]).mean()
    assert float(loss) == pytest.approx(run.attempts[0].extra["test"]["test_loss"], rel=1e-5)


def test_each_character_of_a_new_text_is_scored_and_strangers_are_named(run, tmp_path):
    file = tmp_path / "new.txt"
    file.write_text("the lazy fox sleeps and the quick brown dog jumps over the cat.")
    made = predict(run.folder, file).prediction
    assert len(made.columns["nats"]) == 62 and np.isfinite(made.columns["nats"]).all()
    assert "It might go on" in made.remarks[0]
    file.write_text("the Fox")
    with pytest.raises(DataError, match="never saw: 'F'"):
        predict(run.folder, file)
