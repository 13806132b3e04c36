"""The study store: every study, trial and result, in SQLite beside the runs or in PostgreSQL.

Each trial is two short transactions: one when its parameters are drawn, one when it ends. In
SQLite's WAL mode a commit costs tens of microseconds and survives the death of the process.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from homeostat.errors import StudyLockedError, UnknownNameError, did_you_mean
from homeostat.record.attempt import owner
from homeostat.record.files import make_folder
from homeostat.record.outcome import Outcome
from homeostat.search import tables
from homeostat.search.database import connect, plain_errors
from homeostat.search.rows import Point, StudyRow, TrialRow, study_row, trial_row
from homeostat.search.tables import objectives, parameters, reports, studies, trials


class Store:
    """Studies in a database file, or behind a URL.

    Store("results/studies.db")                    SQLite, made if absent
    Store("postgresql://user@host/database")       needs homeostat[postgres]

    Raises:
        RecordError: From any method, if the database cannot be reached, read or written.
    """

    def __init__(self, location: str | Path) -> None:
        url = str(location)
        if "://" not in url:
            path = Path(location)
            make_folder(path.parent)
            url = f"sqlite:///{path}"
        self.url = url.replace("postgres://", "postgresql://", 1)
        self.is_sqlite = self.url.startswith("sqlite")
        self._engine = connect(self.url)
        with self._write() as connection:
            tables.metadata.create_all(connection)

    def close(self) -> None:
        self._engine.dispose()

    # Studies

    def names(self) -> list[str]:
        """Every study, the oldest first."""
        with self._read() as connection:
            rows = connection.execute(sa.select(studies.c.name).order_by(studies.c.id))
            return list(rows.scalars())

    def find(self, name: str) -> StudyRow | None:
        with self._read() as connection:
            row = connection.execute(sa.select(studies).where(studies.c.name == name)).first()
        return None if row is None else study_row(row)

    def study(self, name: str) -> StudyRow:
        """As `find`.

        Raises:
            UnknownNameError: If there is no such study; it names the nearest.
        """
        row = self.find(name)
        if row is None:
            hint = did_you_mean(name, self.names()) or "Start one:  homeostat search WORKLOAD"
            raise UnknownNameError(f"No study {name!r} in {self.place}.", hint=hint)
        return row

    def create(
        self, name: str, workload: str, definition: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> StudyRow:
        """A new study; if another process has just created it, that one."""
        row = {"name": name, "workload": workload, "definition": definition, "settings": settings}
        try:
            with self._write() as connection:
                connection.execute(studies.insert().values(created=time.time(), **row))
        except sa.exc.IntegrityError:
            pass
        return self.study(name)

    def update(self, key: int, **columns: Any) -> None:
        """Sets columns of a study: settings, confirmation, heartbeat."""
        with self._write() as connection:
            connection.execute(studies.update().where(studies.c.id == key).values(**columns))

    def lock(self, key: int) -> None:
        """Makes this process the study's driver.

        Raises:
            StudyLockedError: If another one is, and lives.
        """
        with self._write() as connection:
            query = sa.select(studies).where(studies.c.id == key).with_for_update()
            row = study_row(connection.execute(query).one())
            if row.driven and row.driver != owner():
                assert row.driver is not None
                raise StudyLockedError(
                    f"Study {row.name!r} is being driven by process {row.driver['pid']} on "
                    f"{row.driver['host']}.",
                    hint="Wait until it has ended, stop it, or choose another study name.",
                )
            change = {"driver": owner(), "heartbeat": time.time()}
            connection.execute(studies.update().where(studies.c.id == key).values(**change))

    def release(self, key: int) -> None:
        """Leaves the study without a driver."""
        self.update(key, driver=None)

    # Trials

    def add_trial(
        self, study: int, number: int, values: Mapping[str, Any], started: float
    ) -> int | None:
        """Claims a number for the parameters drawn for it.

        Returns:
            The trial's key, or none if another driver has claimed the number already.
        """
        row = {"study_id": study, "number": number, "outcome": Outcome.RUNNING.value}
        try:
            with self._write() as connection:
                inserted = connection.execute(_ADD_TRIAL, row | {"started": started})
                key = int(inserted.inserted_primary_key[0])  # type: ignore[index]  # one row, one key
                if values:
                    connection.execute(
                        _ADD_PARAMETERS,
                        [{"trial_id": key, "name": n, "value": v} for n, v in values.items()],
                    )
        except sa.exc.IntegrityError:
            return None
        return key

    def finish_trial(self, trial: TrialRow, curves: Iterable[Point] = ()) -> None:
        """Records how a trial ended: everything, or nothing if the process dies in between."""
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
        with self._write() as connection:
            connection.execute(
                _FINISH_TRIAL,
                {
                    "key": trial.key,
                    "outcome": trial.outcome.value,
                    "reason": trial.reason,
                    "finished": trial.finished,
                    "wall_s": trial.wall_s,
                },
            )
            if measured:
                connection.execute(_ADD_OBJECTIVES, measured)
            if points:
                connection.execute(_ADD_REPORTS, points)

    def trials(self, study: int, *, since: int = 0) -> list[TrialRow]:
        """The trials of a study from number `since` on, by number."""
        chosen = (trials.c.study_id == study, trials.c.number >= since)
        mine = sa.select(trials.c.id).where(*chosen)
        with self._read() as connection:
            found = connection.execute(sa.select(trials).where(*chosen).order_by(trials.c.number))
            drawn = _grouped(connection, parameters, mine)
            measured = _grouped(connection, objectives, mine)
            return [trial_row(r, drawn.get(r.id, ()), measured.get(r.id, ())) for r in found]

    def points(self, study: int) -> dict[int, list[Point]]:
        """The reports of every finished trial, by trial number."""
        query = (
            sa.select(trials.c.number, reports)
            .join(reports, reports.c.trial_id == trials.c.id)
            .where(trials.c.study_id == study)
            .order_by(trials.c.number, reports.c.seed, reports.c.name, reports.c.step)
        )
        found: dict[int, list[Point]] = {}
        with self._read() as connection:
            for row in connection.execute(query):
                point = Point(int(row.seed), row.name, row.step, row.value)
                found.setdefault(row.number, []).append(point)
        return found

    # Connections

    @cached_property
    def place(self) -> str:
        """Where the studies are, without a password."""
        url = sa.make_url(self.url)
        return str(url.database) if self.is_sqlite else url.render_as_string(hide_password=True)

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


_ADD_TRIAL = trials.insert()
_ADD_PARAMETERS = parameters.insert()
_ADD_OBJECTIVES = objectives.insert()
_ADD_REPORTS = reports.insert()
_FINISH_TRIAL = (
    trials.update()
    .where(trials.c.id == sa.bindparam("key"))
    .values({name: sa.bindparam(name) for name in ("outcome", "reason", "finished", "wall_s")})
)


def _grouped(
    connection: sa.Connection, table: sa.Table, mine: sa.Select[Any]
) -> dict[int, list[sa.Row[Any]]]:
    """A table's rows by trial, in the order they were written."""
    groups: dict[int, list[sa.Row[Any]]] = {}
    for row in connection.execute(sa.select(table).where(table.c.trial_id.in_(mine))):
        groups.setdefault(row.trial_id, []).append(row)
    return groups
