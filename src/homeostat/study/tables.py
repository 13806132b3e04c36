"""The tables of the study store; the same on SQLite and PostgreSQL.

nas_studies      one row per study: what is searched, and how
nas_drivers      one row per process that drives a study now
nas_trials       one row per trial, numbered from 0 within its study
nas_parameters   the values a trial was given, one row per parameter, as JSON
nas_objectives   what it measured, one row per objective: mean, s.d. and the value of each seed
nas_reports      the curve of each objective, one row per report
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

studies = Table(
    "nas_studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("workload", String(200), nullable=False),
    Column("definition", JSON, nullable=False),  # see homeostat.study.definition
    Column("settings", JSON, nullable=False),  # how it was last driven; `resume` starts from these
    Column("confirmation", JSON),  # the winners on fresh seeds
    Column("uid", String(32)),  # in the study's folder too; none of earlier versions' studies
    Column("created", Double, nullable=False),  # seconds since 1970, as are all times here
)

drivers = Table(
    "nas_drivers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("nas_studies.id", ondelete="CASCADE"), nullable=False),
    Column("owner", JSON, nullable=False),  # as homeostat.record.attempt.owner names a process
    Column("heartbeat", Double, nullable=False),
    Column("alone", Boolean, nullable=False),  # it shares the study with no other
    Column("confirms", Boolean, nullable=False),  # it runs the best again on fresh seeds
    sqlite_autoincrement=True,  # a driver's number is never given to another
)

trials = Table(
    "nas_trials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("nas_studies.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    # The driver that makes or made it. Not a foreign key: drivers come and go, this stays.
    Column("driver_id", Integer),
    Column("outcome", String(20), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("started", Double, nullable=False),
    Column("finished", Double),
    Column("wall_s", Double),
    Column("attributes", JSON(none_as_null=True)),  # what an imported trial brought along
    UniqueConstraint("study_id", "number"),  # no two drivers can hold the same trial
)

parameters = Table(
    "nas_parameters",
    metadata,
    Column("trial_id", ForeignKey("nas_trials.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("value", JSON, nullable=False),
)

objectives = Table(
    "nas_objectives",
    metadata,
    Column("trial_id", ForeignKey("nas_trials.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("value", Double, nullable=False),  # the mean over seeds
    Column("sd", Double),  # none for a single seed
    Column("per_seed", JSON, nullable=False),  # in the order of the study's seeds
)

reports = Table(
    "nas_reports",
    metadata,
    Column("trial_id", ForeignKey("nas_trials.id", ondelete="CASCADE"), primary_key=True),
    Column("seed", String(24), primary_key=True),  # text: seeds may pass 64 bits
    Column("name", String(200), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("value", Double, nullable=False),
)


def prepare(connection: sa.Connection) -> None:
    """Make the tables that are missing, and in tables of an earlier version the columns."""
    metadata.create_all(connection)
    inspector = sa.inspect(connection)
    for table in metadata.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                text = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {text}")
