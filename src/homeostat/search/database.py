"""Connections to a database, and its errors as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from homeostat.errors import MissingExtraError, RecordError

BUSY_S = 30.0


def connect(url: str) -> sa.Engine:
    try:
        if not url.startswith("sqlite"):
            return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
        engine = sa.create_engine(url, connect_args={"timeout": BUSY_S})
    except (sa.exc.ArgumentError, ValueError):
        raise RecordError(
            f"{url!r} is not the address of a database.",
            hint="Use a file such as results/studies.db, or postgresql://user@host/database.",
        ) from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or url, "postgres", "A study in PostgreSQL") from None
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    # Python's driver opens transactions late and only for some statements; we say when ourselves.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails when another has written in between;
    # one that means to write says so at once, and waits for its turn.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def plain_errors(place: str) -> Iterator[None]:
    """One line in place of the database's own errors."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DatabaseError as error:
        reason = str(error.orig).strip().splitlines()[0].rstrip(".")
        hint = ""
        if "full" in reason or "No space" in reason:
            hint = "Free some space, then resume the study; what was recorded is kept."
        elif "locked" in reason:
            hint = (
                f"Another process has kept it busy for {BUSY_S:.0f} s; find out which, and retry."
            )
        elif "readonly" in reason or "unable to open" in reason:
            hint = "Choose another folder with results=..."
        elif "not a database" in reason or "malformed" in reason:
            hint = "Move the file away, or name another one."
        raise RecordError(f"Cannot use the studies in {place}: {reason}.", hint=hint) from error
