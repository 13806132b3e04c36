"""The module under a Trainer of one's own, its checkpoint, and predictions for a recording."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from homeostat.execute import run
from homeostat.execute.predict import predict
from homeostat.workload.beside import tables
from homeostat.workloads.visioncore.build import build_module
from homeostat.workloads.visioncore.evaluate import score, summarise
from homeostat.workloads.visioncore.lightning_data import SessionData
from homeostat.workloads.visioncore.predicting import load
from homeostat.workloads.visioncore.training import FreeViewing
from homeostat.workloads.visioncore.workload import space

SMALL = {"batch_size": 2, "width": 4, "hidden": 8, "steps_per_epoch": 3, "pairs": 4, "levels": 1}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    rng = np.random.default_rng(0)
    arrays = {
        "stimulus": rng.normal(size=(7_200, 24, 24)).astype(np.float32),
        "gaze": np.cumsum(rng.normal(0, 0.01, (7_200, 2)), axis=0),
        "spikes": rng.poisson(0.2, (7_200, 3)),
    }
    np.savez(folder / "monday.npz", **arrays)
    np.savez(folder / "tuesday.npz", **arrays | {"spikes": rng.poisson(0.2, (7_200, 2))})
    return folder


def configured(recordings, family):
    own = {k: v for k, v in SMALL.items() if (k in ("pairs", "levels")) <= (family == "polar")}
    own = {k: v for k, v in own.items() if (k in ("width", "hidden")) <= (family == "resnet")}
    return {**own, "family": family, "recordings": str(recordings)}


@pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::lightning.fabric.utilities.warnings.PossibleUserWarning"
)
@pytest.mark.parametrize("family", ["resnet", "polar"])
def test_a_plain_trainer_fits_it_and_its_checkpoint_loads_by_itself(recordings, family, tmp_path):
    config = space.resolve(configured(recordings, family))
    data = SessionData(config)
    module = build_module(config, data.clips, budget=3)
    saved = ModelCheckpoint(tmp_path, monitor="val_bits_per_spike", mode="max")
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", gradient_clip_val=1.0, callbacks=[saved],
        logger=CSVLogger(tmp_path), enable_progress_bar=False, enable_model_summary=False,
        log_every_n_steps=1,
    )  # fmt: skip
    trainer.fit(module, data)
    logged = set(trainer.logged_metrics)
    assert {"train_loss", "val_loss", "val_bits_per_spike", "grad_norm"} <= logged
    assert family == "resnet" or "lambda_fix" in logged
    again = FreeViewing.load_from_checkpoint(saved.best_model_path)
    batch = next(iter(data.val_dataloader()))
    module.eval(), again.eval()
    with torch.no_grad():
        for name, rates in module(batch).items():
            assert torch.equal(rates, again(batch)[name])
    # What is logged is what the workload's own evaluation counts.
    own = summarise(score(module, data.clips, "validation"), "val")["val_bits_per_spike"]
    assert float(trainer.logged_metrics["val_bits_per_spike"]) == pytest.approx(own, rel=1e-4)


def test_a_run_keeps_its_best_weights_which_predict_a_recording(recordings, tmp_path):
    record = run("visioncore", configured(recordings, "resnet"), budget=4, results=tmp_path)
    (attempt,) = record.attempts
    (table,) = tables([attempt.extra])
    rows = {row[0]: row[1:] for row in table.rows}
    low, high = map(float, rows["the network"][1].split(" .. "))
    assert low < rows["the network"][0] < high
    model, facts = load(attempt.folder / "artifacts" / "weights.safetensors")
    assert set(facts["null_rates"]) == {"monday", "tuesday"}
    assert sum(p.numel() for p in model.parameters()) == sum(attempt.extra["parameters"].values())
    made = predict(record.folder, recordings / "tuesday.npz").prediction
    assert len(made.columns["frame"]) == 7_200 - 16 and "neuron 1" in made.columns
    assert np.isfinite(made.scores["bits per spike"])
