"""Lightning's Trainer as a stream of reports: stopped, failing and alone on its turn."""

import threading

import pytest

from homeostat.workload.trial import Trial

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning")

from homeostat.workload.lightning import fit  # noqa: E402 (only where Lightning is)


class Line(lightning.LightningModule):
    """Fits y = 2 x; `fails_in` raises in that epoch; silent logs nothing."""

    def __init__(self, fails_in=None, silent=False):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.fails_in, self.silent = fails_in, silent
        self.epochs_begun = 0

    def on_train_epoch_start(self):
        self.epochs_begun += 1
        self.threads = torch.get_num_threads()

    def training_step(self, batch, index):
        if self.current_epoch == self.fails_in:
            raise ArithmeticError("no such luck")
        (x,) = batch
        loss = (self.layer(x) - 2 * x).square().mean()
        if not self.silent:
            self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def stream(module, epochs=4):
    trial = Trial({}, budget=epochs)
    trainer = lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    x = torch.linspace(-1, 1, 32)[:, None]
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), 8)
    return trial, fit(trial, trainer, module, data)


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level("ERROR", "lightning.pytorch")


def workers():
    return [t for t in threading.enumerate() if t.name == "homeostat-lightning"]


def test_each_epoch_is_a_report_and_what_is_trained_is_watched():
    module = Line()
    trial, reports = stream(module)
    found = list(reports)
    assert [report.step for report in found] == [0, 1, 2, 3]
    losses = [report.metrics["train_loss"] for report in found]
    assert losses == sorted(losses, reverse=True)
    assert list(trial.modules.values()) == [module]
    assert len(trial.optimizers) == 1
    assert not workers()


def test_the_two_take_turns_and_the_trainer_keeps_the_number_of_threads():
    module = Line()
    _, reports = stream(module)
    next(reports)
    assert module.epochs_begun == 1  # the Trainer waits at the end of its epoch
    next(reports)
    assert module.epochs_begun == 2
    assert module.threads == torch.get_num_threads()
    reports.close()


def test_a_stream_that_is_closed_ends_the_training_at_once():
    module = Line()
    _, reports = stream(module, epochs=100)
    next(reports)
    reports.close()
    assert module.epochs_begun == 1
    assert not workers()


def test_an_error_in_training_comes_out_where_the_reports_are_pulled():
    _, reports = stream(Line(fails_in=2))
    assert next(reports).step == 0
    assert next(reports).step == 1
    with pytest.raises(ArithmeticError, match="no such luck"):
        next(reports)


def test_a_module_that_logs_nothing_is_told_so():
    _, reports = stream(Line(silent=True))
    with pytest.raises(Exception, match="Line has logged nothing"):
        next(reports)
