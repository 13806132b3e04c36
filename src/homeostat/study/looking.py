"""Looking: a connection to a study database that makes, locks and writes nothing.

A database that nobody is writing has no journal (`-wal`) and is opened as immutable. One with a
journal is read together with it, by a copy in memory of the index that SQLite would else keep in a
file beside it. Where there is no database, an empty one in memory takes its place.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from homeostat.study import tables
from homeostat.study.database import read_column

BUSY_S = 30.0


def connect_to_look(file: str) -> sa.Engine:
    """An engine whose every connection is made anew, so that each sees the file as it is then."""
    return sa.create_engine(
        "sqlite://",
        creator=lambda: _open(Path(file)),
        poolclass=NullPool,
        json_deserializer=read_column,
    )


def _open(path: Path) -> sqlite3.Connection:
    journal, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    if not path.exists():
        return _in_memory()
    if not journal.exists() or journal.stat().st_size == 0:
        return _complete(_read_only(path, "immutable=1"))
    if index.exists():
        return _complete(_read_only(path, "readonly_shm=1"))
    # A folder that was copied without the index: SQLite would make a new one beside it.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        shutil.copyfile(path, copy)
        shutil.copyfile(journal, f"{copy}-wal")
        with closing(sqlite3.connect(copy)) as connection:
            return _in_memory(connection)


def _read_only(path: Path, how: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro&{how}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_S, check_same_thread=False)


def _complete(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, or a copy in memory where the tables are of an earlier version."""
    try:
        if all(_has_columns(connection, table) for table in tables.metadata.sorted_tables):
            return connection
        copy = _in_memory(connection)
    except BaseException:
        connection.close()
        raise
    connection.close()
    return copy


def _has_columns(connection: sqlite3.Connection, table: sa.Table) -> bool:
    # The table's name is one of ours.
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
    return {column.name for column in table.columns} <= present


def _in_memory(source: sqlite3.Connection | None = None) -> sqlite3.Connection:
    """A database in memory with every table and column, and what another one has in them."""
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    if source is not None:
        source.backup(memory)
    engine = sa.create_engine("sqlite://", creator=lambda: memory, poolclass=sa.StaticPool)
    with engine.begin() as connection:
        tables.prepare(connection)
    return memory
