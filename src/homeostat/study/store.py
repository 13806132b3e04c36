"""The study store: every study, trial and result, in SQLite beside the runs or in PostgreSQL.

Each trial is two short transactions: one when its parameters are drawn, one when it ends. In
SQLite's WAL mode a commit costs tens of microseconds and survives the death of the process.
Any number of processes may drive a study: a trial belongs to the driver that drew it until that one
dies, and only its driver can finish it.
"""

from __future__ import annotations

import os
import time
import uuid
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from homeostat.errors import RecordError, StudyLockedError, UnknownNameError, did_you_mean
from homeostat.record.files import make_folder
from homeostat.record.hold import Hold, is_held
from homeostat.record.liveness import is_alive, is_this_process, owner
from homeostat.record.outcome import Outcome
from homeostat.study import tables
from homeostat.study.database import Refused, ServerGone, address, connect, patient, plain_errors
from homeostat.study.looking import connect_to_look
from homeostat.study.records import (
    FORGOTTEN,
    DriverRow,
    ReportPoint,
    StudyRow,
    TrialRow,
    driver_row,
    study_row,
    trial_row,
)
from homeostat.study.tables import drivers, objectives, parameters, reports, studies, trials


class Store:
    """Studies in a database file, or behind a URL.

    Store("results/studies.db")                    SQLite, made if absent
    Store("results/studies.db", look=True)         for reading: makes, locks and writes nothing
    Store("postgresql://user@host/database")       needs homeostat[postgres]

    A server that goes away later on is waited for; a first connection that fails is an error.

    Raises:
        RecordError: From any method, if the database cannot be reached, read or written.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> found = hs.search(valley, trials=3, study="third", confirm=False)
        >>> hs.Store("results/studies.db", look=True).names()
        ['third']
    """

    def __init__(self, location: str | Path, *, look: bool = False) -> None:
        self.location = str(location)
        self.url = self.url_of(location)
        self.is_sqlite = self.url.drivername.startswith("sqlite")
        self._holds: dict[int, Hold] = {}
        looks = look and self.is_sqlite
        self.looked_at = (self.url.database or ":memory:") if looks else None
        if self.looked_at is not None:
            self._engine = connect_to_look(self.looked_at)
        else:
            if "://" not in self.location:
                make_folder(Path(location).parent)
            self._engine = connect(self.url)
        weakref.finalize(self, self._engine.dispose)  # pooled connections end with the store
        if look:
            return
        try:
            self._prepare()
        except ServerGone:
            raise
        except RecordError:  # another process was making them just now
            self._prepare()
        self._file = self._which_file()

    @staticmethod
    def url_of(location: str | Path) -> sa.URL:
        """The URL of a database file, or a URL as it is.

        Raises:
            RecordError: If it is no URL.
        """
        text = str(location)
        if "://" not in text:
            # Not as text: a ? or a % in a path is a part of it.
            return sa.URL.create("sqlite", database=str(Path(location)))
        return address(text.replace("postgres://", "postgresql://", 1))

    def _prepare(self) -> None:
        with self._write() as connection:
            tables.prepare(connection)

    def _which_file(self) -> tuple[int, int] | None:
        """Which file on which disk the database is; none of a server's, or one in memory."""
        path = self.url.database
        if not self.is_sqlite or path in (None, "", ":memory:"):
            return None
        with suppress(OSError):
            status = os.stat(path)  # noqa: PTH116 (hot path)
            return status.st_dev, status.st_ino
        return -1, -1

    def check_file(self) -> None:
        """See that the database is still the file that was opened.

        Raises:
            RecordError: If somebody removed it or put another one in its place.
        """
        if self._which_file() != self._file:
            raise RecordError(
                f"{self.place} was removed or replaced while it was in use.",
                hint="Put it back, and resume; what the runs reported is in their folders.",
            )

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    # Studies

    @patient
    def names(self) -> list[str]:
        """Every study, the oldest first."""
        with self._read() as connection:
            rows = connection.execute(sa.select(studies.c.name).order_by(studies.c.id))
            return list(rows.scalars())

    @patient
    def find(self, name: str) -> StudyRow | None:
        """The study of that name, or None."""
        with self._read() as connection:
            row = connection.execute(sa.select(studies).where(studies.c.name == name)).first()
            return None if row is None else study_row(row, self._drivers_of(connection, row.id))

    def study(self, name: str) -> StudyRow:
        """The study of that name.

        Raises:
            UnknownNameError: If there is no such study; it names the nearest.
        """
        row = self.find(name)
        if row is None:
            hint = did_you_mean(name, self.names()) or "Start one:  homeostat search WORKLOAD"
            raise UnknownNameError(f"No study {name!r} in {self.place}.", hint=hint)
        return row

    @patient
    def create(
        self, name: str, workload: str, definition: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> StudyRow:
        """A new study; if another process has just created it, that one."""
        row: dict[str, Any] = {"name": name, "workload": workload, "definition": definition}
        row |= {"settings": settings, "uid": uuid.uuid4().hex, "created": time.time()}
        with suppress(Refused), self._write() as connection:
            connection.execute(studies.insert().values(row))
        return self.study(name)

    def add_study(
        self,
        name: str,
        workload: str,
        definition: Mapping[str, Any],
        settings: Mapping[str, Any],
        rows: Sequence[TrialRow],
        curves: Sequence[Sequence[ReportPoint]],
        confirmation: Mapping[str, Any] | None = None,
    ) -> StudyRow:
        """A study that was made elsewhere, whole: its trials have ended, and have no keys yet."""
        made = self.create(name, workload, definition, settings)
        if confirmation is not None:
            self.update(made.key, confirmation=confirmation)
        for row, points in zip(rows, curves, strict=True):
            key = self.add_trial(
                made.key, row.number, row.parameters, row.started, attributes=row.attributes
            )
            assert key is not None
            self.finish_trial(replace(row, key=key), points)
        return self.study(name)

    @patient
    def identity(self, key: int) -> str:
        """The id of a study, which no other has; given now if an earlier version made it."""
        mine = studies.c.id == key
        with self._write() as connection:
            new = studies.update().where(mine, studies.c.uid.is_(None))
            connection.execute(new.values(uid=uuid.uuid4().hex))
            return str(connection.execute(sa.select(studies.c.uid).where(mine)).scalar_one())

    @patient
    def update(self, key: int, **columns: Any) -> None:
        """Set columns of a study: settings, confirmation."""
        with self._write() as connection:
            connection.execute(studies.update().where(studies.c.id == key).values(**columns))

    # Drivers

    @patient
    def join(self, study: int, *, alone: bool = False) -> int:
        """Make this process a driver of a study; return the driver's key.

        Args:
            alone: Whether no other may drive it at the same time.

        Raises:
            StudyLockedError: If another one lives, and either wants to be alone.
        """
        with self._write() as connection:
            # Whoever joins waits here for whoever is joining.
            query = sa.select(studies.c.name).where(studies.c.id == study).with_for_update()
            name = connection.execute(query).scalar_one_or_none()
            if name is None:
                raise _gone("study", self.place)
            for other in self._drivers_of(connection, study):
                if not other.alive:
                    connection.execute(drivers.delete().where(drivers.c.id == other.key))
                    self._remove_lock(other.key)
                elif (alone or other.alone) and not is_this_process(other.owner):
                    raise StudyLockedError(
                        f"Study {name!r} is being driven by {other.place}, and a deterministic "
                        "study has one driver.",
                        hint="Wait until it has ended, stop it, or choose another study name.",
                    )
            row = drivers.insert().values(**self._new_driver(study, alone))
            inserted = connection.execute(row)
            key = int(inserted.inserted_primary_key[0])  # type: ignore[index]  # one row, one key
            self._hold(key)  # before anybody can read of it
            return key

    @patient
    def drivers(self, study: int) -> list[DriverRow]:
        """The drivers that joined and have not left; some may have died."""
        with self._read() as connection:
            return self._drivers_of(connection, study)

    @patient
    def beat(self, study: int, driver: int) -> None:
        """Say that a driver lives, even if others took it for dead."""
        mine = drivers.update().where(drivers.c.id == driver).values(heartbeat=self._now)
        with self._write() as connection:
            if connection.execute(mine).rowcount == 0:
                again = self._new_driver(study, alone=False) | {"id": driver}
                connection.execute(drivers.insert().values(**again))
                self._hold(driver)

    def leave(self, driver: int) -> None:
        """End a driver. Trials that it has not finished are anybody's.

        Raises:
            ServerGone: At once, if the server does not answer: nobody waits to leave.
        """
        with self._write() as connection:
            connection.execute(drivers.delete().where(drivers.c.id == driver))
        hold = self._holds.pop(driver, None)
        if hold is not None:
            hold.release()
            self._remove_lock(driver)

    @patient
    def elect(self, study: int, driver: int) -> DriverRow:
        """Choose one driver to confirm the study: this one, unless another living one is at it.

        Returns:
            Who does.
        """
        with self._write() as connection:
            query = sa.select(studies.c.id).where(studies.c.id == study).with_for_update()
            connection.execute(query)
            there = self._drivers_of(connection, study)
            at_it = [d for d in there if d.confirms and d.alive and d.key != driver]
            if at_it:
                return at_it[0]
            mine = drivers.update().where(drivers.c.id == driver).values(confirms=True)
            connection.execute(mine)
            return next(d for d in there if d.key == driver)

    # Trials

    @patient
    def add_trial(
        self,
        study: int,
        number: int,
        values: Mapping[str, Any],
        started: float,
        driver: int | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Claim a number for the parameters drawn for it.

        Returns:
            The trial's key, or none if another driver has claimed the number already.
        """
        row = {"study_id": study, "number": number, "outcome": Outcome.RUNNING.value}
        row |= {"started": started, "driver_id": driver, "attributes": attributes or None}
        try:
            with self._write() as connection:
                inserted = connection.execute(_ADD_TRIAL, row)
                key = int(inserted.inserted_primary_key[0])  # type: ignore[index]  # one row, one key
                if values:
                    connection.execute(
                        _ADD_PARAMETERS,
                        [{"trial_id": key, "name": n, "value": v} for n, v in values.items()],
                    )
        except Refused:
            taken = sa.select(trials.c.id).where(
                trials.c.study_id == study, trials.c.number == number
            )
            with self._read() as connection:
                if connection.execute(taken).first() is not None:
                    return None  # another driver was quicker
                known = connection.execute(sa.select(studies.c.id).where(studies.c.id == study))
                if known.first() is None:
                    raise _gone("study", self.place) from None
            raise
        return key

    @patient
    def claim(self, trial: TrialRow, driver: int) -> bool:
        """Take over a trial whose driver is gone; False if another driver was quicker."""
        free = trials.c.driver_id.is_not_distinct_from(trial.driver)
        change = (
            trials.update()
            .where(trials.c.id == trial.key, _UNFINISHED)
            .where(sa.or_(free, trials.c.driver_id == driver))
            .values(driver_id=driver)
        )
        with self._write() as connection:
            taken = connection.execute(change).rowcount == 1
            if taken and trial.outcome is Outcome.DAMAGED:  # what is told anew takes its place
                for table in (objectives, reports):
                    connection.execute(table.delete().where(table.c.trial_id == trial.key))
            return taken

    @patient
    def finish_trial(self, trial: TrialRow, curves: Sequence[ReportPoint] = ()) -> bool:
        """Record how a trial ended: everything, or nothing if the process dies in between.

        Returns:
            Whether the result was taken: False if the trial belongs to another driver by now.
        """
        measured = [
            {"name": name, "value": value, "sd": trial.sds.get(name)}
            | {"trial_id": trial.key, "per_seed": list(trial.per_seed[name])}
            for name, value in trial.values.items()
        ]
        points = [
            {"trial_id": trial.key, "seed": str(p.seed)}
            | {"name": p.name, "step": p.step, "value": p.value}
            for p in curves
        ]
        ending = {name: getattr(trial, name) for name in ("key", "reason", "finished", "wall_s")}
        ending |= {"outcome": trial.outcome.value, "driver": trial.driver}
        ending |= {"attributes": dict(trial.attributes) or None}
        with self._write() as connection:
            if connection.execute(_FINISH_TRIAL, ending).rowcount == 0:
                # Told already: by us, if the server took it and died before it could say so.
                query = sa.select(trials.c.driver_id).where(trials.c.id == trial.key)
                row = connection.execute(query).first()
                if row is None:
                    raise _gone(f"trial {trial.number}", self.place)
                return bool(row.driver_id == trial.driver)
            if measured:
                connection.execute(_ADD_OBJECTIVES, measured)
            if points:
                connection.execute(_ADD_REPORTS, points)
        return True

    @patient
    def trials(self, study: int, *, since: int = 0) -> list[TrialRow]:
        """The trials of a study from number `since` on, by number."""
        chosen = (trials.c.study_id == study, trials.c.number >= since)
        mine = sa.select(trials.c.id).where(*chosen)
        with self._read() as connection:
            found = connection.execute(sa.select(trials).where(*chosen).order_by(trials.c.number))
            drawn = _grouped(connection, parameters, mine)
            measured = _grouped(connection, objectives, mine)
            return [trial_row(r, drawn.get(r.id, ()), measured.get(r.id, ())) for r in found]

    @patient
    def change(
        self,
        study: int,
        definition: Mapping[str, Any],
        added: Mapping[int, Mapping[str, Any]],
        counts: Mapping[int, bool],
    ) -> None:
        """Change a study's definition and its trials at once.

        Args:
            added: Key of a trial -> parameters that are added to its own.
            counts: Key of a trial -> whether it counts from now on.
        """
        mine = studies.update().where(studies.c.id == study)
        with self._write() as connection:
            connection.execute(mine.values(definition=definition))
            for key, values in added.items():
                rows = [{"trial_id": key, "name": n, "value": v} for n, v in values.items()]
                connection.execute(_ADD_PARAMETERS, rows)
            for key, count in counts.items():
                query = sa.select(trials.c.attributes).where(trials.c.id == key)
                facts = dict(connection.execute(query).scalar_one() or {})
                facts.pop(FORGOTTEN, None)
                facts |= {} if count else {FORGOTTEN: True}
                update = trials.update().where(trials.c.id == key)
                connection.execute(update.values(attributes=facts or None))

    @patient
    def counts(self, study: int) -> tuple[int, int]:
        """How many trials a study has, and how many of them have ended."""
        ended = sa.func.count(trials.c.finished)
        query = sa.select(sa.func.count(), ended).where(trials.c.study_id == study)
        with self._read() as connection:
            everything, finished = connection.execute(query).one()
            return int(everything), int(finished)

    @patient
    def points(self, study: int, *, since: int = 0) -> dict[int, list[ReportPoint]]:
        """The reports of every finished trial from number `since` on, by trial number."""
        query = (
            sa.select(trials.c.number, reports)
            .join(reports, reports.c.trial_id == trials.c.id)
            .where(trials.c.study_id == study, trials.c.number >= since)
            .order_by(trials.c.number, reports.c.seed, reports.c.name, reports.c.step)
        )
        found: dict[int, list[ReportPoint]] = {}
        with self._read() as connection:
            for row in connection.execute(query):
                if not str(row.seed).isdecimal():
                    continue  # a damaged row: the run's own curves have the report
                point = ReportPoint(int(row.seed), row.name, row.step, row.value)
                found.setdefault(row.number, []).append(point)
        return found

    # Who drives: in SQLite, whose drivers are of one machine, each holds a file beside the database

    @property
    def _now(self) -> sa.ColumnElement[Any]:
        """Seconds since 1970 by the server's clock: those of the drivers' machines may differ."""
        if self.is_sqlite:
            return sa.literal(time.time())
        return sa.extract("epoch", sa.func.clock_timestamp())

    def _lock(self, driver: int) -> Path | None:
        path = self.url.database if self.is_sqlite else None
        return Path(f"{path}.drivers", str(driver)) if path and path != ":memory:" else None

    def _hold(self, driver: int) -> None:
        path = self._lock(driver)
        if path is not None and driver not in self._holds:
            self._holds[driver] = Hold(path, file=True, patience_s=0.0)

    def _remove_lock(self, driver: int) -> None:
        """Remove a dead driver's file, and the folder if it was the last."""
        path = self._lock(driver)
        if path is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                path.parent.rmdir()

    def _new_driver(self, study: int, alone: bool) -> dict[str, Any]:
        """This process as a driver."""
        who = owner() | {"held": self.is_sqlite}
        facts = {"study_id": study, "owner": who, "heartbeat": self._now}
        return facts | {"alone": alone, "confirms": False}

    def _drivers_of(self, connection: sa.Connection, study: int) -> list[DriverRow]:
        mine = drivers.c.study_id == study
        query = sa.select(drivers, self._now.label("now")).where(mine).order_by(drivers.c.id)
        rows = []
        for row in connection.execute(query):
            lock = self._lock(row.id)
            held = is_held(lock) if lock is not None else None
            alive = is_alive(row.owner, float(row.now) - row.heartbeat, held)
            rows.append(driver_row(row, alive))
        return rows

    # Connections

    @cached_property
    def place(self) -> str:
        """Where the studies are, without a password."""
        if self.is_sqlite:
            return str(self.url.database)
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with plain_errors(self.place), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with plain_errors(self.place), self._engine.connect() as connection:
            connection.execution_options(immediate=True)
            with connection.begin():
                yield connection


def _gone(what: str, place: str) -> RecordError:
    return RecordError(
        f"The {what} that this process drives is no longer in {place}.",
        hint="Somebody removed it; the runs are still in its folder.",
    )


# Also one whose word is damaged: it is made again.
_UNFINISHED = trials.c.outcome.not_in([word.value for word in Outcome if word.final])
_ADD_TRIAL = trials.insert()
_ADD_PARAMETERS = parameters.insert()
_ADD_OBJECTIVES = objectives.insert()
_ADD_REPORTS = reports.insert()
_FINISH_TRIAL = (
    trials.update()
    .where(trials.c.id == sa.bindparam("key"), _UNFINISHED)
    .where(trials.c.driver_id.is_not_distinct_from(sa.bindparam("driver", type_=sa.Integer)))
    .values(
        {
            name: sa.bindparam(name)
            for name in ("outcome", "reason", "finished", "wall_s", "attributes")
        }
    )
)


def _grouped(
    connection: sa.Connection, table: sa.Table, mine: sa.Select[Any]
) -> dict[int, list[sa.Row[Any]]]:
    """A table's rows by trial, in the order they were written."""
    groups: dict[int, list[sa.Row[Any]]] = {}
    for row in connection.execute(sa.select(table).where(table.c.trial_id.in_(mine))):
        groups.setdefault(row.trial_id, []).append(row)
    return groups
