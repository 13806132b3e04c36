"""Connections to a database: its errors as one line, and patience with a server that goes away."""

from __future__ import annotations

import functools
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from homeostat.errors import MissingExtraError, RecordError
from homeostat.execute.interrupt import PoliteInterrupt
from homeostat.study.records import UNREADABLE
from homeostat.study.steady import read_steadily

BUSY_S = 30.0
PATIENCE_S = 3600.0
"""How long a server may be away before a driver gives up; even then the study can be resumed."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_REMIND_S = 60.0

R = TypeVar("R")
Method = TypeVar("Method", bound=Callable[..., Any])


class Refused(RecordError):
    """The database refused a row: there is one with its key, or none that it refers to."""


class ServerGone(RecordError):
    """The database server does not answer, or hung up."""


def address(text: str) -> sa.URL:
    """The URL that a text writes.

    Raises:
        RecordError: If it writes none.
    """
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise _no_address(text) from None


def _no_address(text: object) -> RecordError:
    return RecordError(
        f"{str(text)!r} is not the address of a database.",
        hint="Use a file such as results/studies.db, or postgresql://user@host/database.",
    )


def connect(url: sa.URL) -> sa.Engine:
    """An engine for a database that is read and written."""
    try:
        if not url.drivername.startswith("sqlite"):
            driver = url.drivername.replace("postgresql", "postgresql+psycopg", 1)
            return sa.create_engine(
                url.set(drivername=driver) if "+" not in url.drivername else url
            )
        engine = sa.create_engine(
            url, connect_args={"timeout": BUSY_S}, json_deserializer=read_column
        )
    except (sa.exc.ArgumentError, ValueError):
        raise _no_address(url) from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            error.name or str(url), "postgres", "A study in PostgreSQL"
        ) from None
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def read_column(text: str) -> Any:
    """The value in a column of JSON; `UNREADABLE` where a damaged file has something else.

    A TypeError is not caught: SQLite gives a number as one, and SQLAlchemy waits for the error.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return UNREADABLE


def _prepare(connection: Any, _record: Any) -> None:
    # Python's driver opens transactions late and only for some statements, so we begin them
    # ourselves.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails when another has written in between; one
    # that will write locks the database at once, and waits for its turn.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def plain_errors(place: str) -> Iterator[None]:
    """One line in place of the database's own errors.

    Raises:
        ServerGone: If a later attempt may go well.
        Refused: If a row is there already, or refers to one that is not.
        RecordError: For everything else.
    """
    try:
        yield
    except sa.exc.DatabaseError as error:
        reason = (str(error.orig).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        if isinstance(error, sa.exc.IntegrityError):
            raise Refused(f"The studies in {place} refused a row: {reason}.") from error
        if _is_gone(error):
            raise ServerGone(
                f"Cannot reach the studies in {place}: {reason}.",
                hint="Start the server, or see that its address, name and password are right.",
            ) from error
        raise RecordError(
            f"Cannot use the studies in {place}: {reason}.", hint=_hint(reason)
        ) from error
    except UnicodeDecodeError as error:  # of a damaged file: SQLite's message quotes it
        raise RecordError(
            f"Cannot use the studies in {place}: the file is damaged.",
            hint="Restore it from a copy; the runs are in their folders.",
        ) from error


def _hint(reason: str) -> str:
    if "full" in reason or "No space" in reason:
        return "Free some space, then resume the study; what was recorded is kept."
    if "locked" in reason:
        return f"Another process has kept it busy for {BUSY_S:.0f} s; find out which, and retry."
    if "readonly" in reason or "unable to open" in reason:
        return "Choose another folder:  --results FOLDER"
    if "not a database" in reason or "malformed" in reason:
        return "Move the file away, or name another one."
    return ""


def _is_gone(error: sa.exc.DatabaseError) -> bool:
    """Whether the connection failed, or the server is stopping or starting."""
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error) or not isinstance(error, sa.exc.OperationalError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(("08", "57P"))


def patient(method: Method) -> Method:
    """Repeat a store's whole transaction when the server goes away in the middle of it.

    One that only looks at a file repeats it when a writer came in between.

    Whether the server committed the first one cannot be known, so every such method must be
    idempotent.
    """

    @functools.wraps(method)
    def done(store: Any, *args: Any, **kwargs: Any) -> Any:
        def attempt() -> Any:
            return method(store, *args, **kwargs)

        if store.looked_at is not None:
            return read_steadily(store.looked_at, attempt)
        try:
            return attempt()
        except ServerGone as error:
            return _keep_trying(store.place, attempt, error)

    return cast(Method, done)


def _keep_trying(place: str, action: Callable[[], R], trouble: ServerGone) -> R:
    """Try until it succeeds, and tell the user about the wait."""
    started = time.monotonic()
    reminded, pause_s = -_REMIND_S, _FIRST_PAUSE_S
    with PoliteInterrupt() as interrupt:
        while True:
            away_s = time.monotonic() - started
            if away_s > PATIENCE_S or interrupt.requested:
                trouble.hint = "Everything told before is kept; resume the study when it is back."
                raise trouble
            if away_s - reminded >= _REMIND_S:
                reminded = away_s
                _say(f"The database {place} does not answer; waiting for it ({away_s:.0f} s).")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            try:
                result = action()
            except ServerGone as error:
                trouble = error
            else:
                _say(f"The database is back after {time.monotonic() - started:.1f} s; going on.")
                return result


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
