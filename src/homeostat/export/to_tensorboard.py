"""TensorBoard: one folder of events a trial, with its settings for the HParams tab."""

from __future__ import annotations

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.text import summary_v2 as texts
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from homeostat.export.history import History, Past
from homeostat.space.values import show


def write(history: History, folder: Path) -> str:
    """Write events; return what to type to see them."""
    writer = EventFileWriter(str(folder))
    names = list(dict.fromkeys(name for past in history.pasts for name in past.config))
    described = hparams.hparams_config_pb(
        [hparams.HParam(name) for name in [*names, "homeostat.outcome", "homeostat.role"]],
        [hparams.Metric(metric) for metric in history.objectives],
    )
    writer.add_event(Event(summary=described))
    writer.add_event(Event(summary=texts.text_pb("verdict", history.text)))
    writer.close()
    for past in history.pasts:
        _write_past(past, folder / past.name)
    return f"tensorboard --logdir {folder}"


def _write_past(past: Past, folder: Path) -> None:
    writer = EventFileWriter(str(folder))
    settings = {name: _plain(value) for name, value in past.config.items()}
    labels = {"homeostat.outcome": past.outcome.value, "homeostat.role": ", ".join(past.roles)}
    begun = hparams.hparams_pb(settings | labels, trial_id=past.name, start_time_secs=past.started)
    writer.add_event(Event(wall_time=past.started, summary=begun))
    if past.reason:
        reason = texts.text_pb("reason", past.reason)
        writer.add_event(Event(wall_time=past.started, summary=reason))
    # When each report was made is not kept: they are spread evenly.
    pace_s = (past.finished - past.started) / max(1, len(past.rows))
    for i, (step, row) in enumerate(past.rows, start=1):
        values = [Summary.Value(tag=name, simple_value=value) for name, value in row.items()]
        moment = past.started + i * pace_s
        writer.add_event(Event(wall_time=moment, step=step, summary=Summary(value=values)))
    writer.close()


def _plain(value: object) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else show(value)
