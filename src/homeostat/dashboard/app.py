"""The routes of the dashboard: pages, data as JSON, and a stream of change messages."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Collection
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from fastapi.routing import APIRoute

from homeostat.dashboard.changes import stop_study, write_remarks
from homeostat.dashboard.guard import LOOPBACK, guard
from homeostat.dashboard.library import Library
from homeostat.dashboard.runs import Runs
from homeostat.dashboard.studies import Studies
from homeostat.errors import ConfigError, HomeostatError, RecordError, UnknownNameError
from homeostat.record.files import plain

TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
STATUS = {UnknownNameError: 404, RecordError: 422}
"""What a reader's browser is told by kind of error; 400 for the rest."""
LOOK_EVERY_S = 1.0
STILL_HERE_S = 5.0


def make_app(
    results: str | Path = "results",
    *,
    store: str | Path | None = None,
    token: str | None = None,
    hosts: Collection[str] = LOOPBACK,
) -> FastAPI:
    """The dashboard of one results folder.

    Args:
        results: The folder.
        store: Where its studies are, if elsewhere.
        token: The secret that readers must give; None on the loopback address.
        hosts: Names under which it answers.
    """
    if token is not None and not token:
        raise ConfigError("The token is empty, so anybody would know it.", hint="Leave it out.")
    library = Library(results, store)
    app = FastAPI(title="Homeostat", docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(guard(hosts, token))

    @app.exception_handler(HomeostatError)
    def complain(_: Request, error: HomeostatError) -> Response:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
        return JSONResponse({"error": error.message, "hint": error.hint}, status)

    _pages(app)
    _changes_by_readers(app, library)
    _runs(app, library.runs)
    _studies(app, library.studies)

    @app.get("/api/rights")
    def rights() -> Response:
        return _json({"change": token is not None})

    @app.get("/api/replays")
    def replays() -> Response:
        return _json(library.replays())

    @app.get("/api/replays/{name:path}")
    def replay(name: str) -> Response:
        return _json(library.replay(name))

    @app.get("/api/notes")
    def notes() -> Response:
        return PlainTextResponse(library.notes())

    @app.get("/api/workloads")
    def workloads() -> Response:
        return _json(library.workloads())

    watch = Watch(library.version)

    @app.get("/api/events")
    async def events(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(_changes(watch, request), media_type="text/event-stream")

    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods:
            route.methods.add("HEAD")  # the server leaves out the body
    return app


def _pages(app: FastAPI) -> None:
    """The page and its files; no name from a request is ever a path."""
    static = resources.files("homeostat.dashboard").joinpath("static")
    files = {entry.name: entry.read_bytes() for entry in static.iterdir() if entry.is_file()}
    pages = resources.files("homeostat.pages")
    files |= {name: pages.joinpath(name).read_bytes() for name in ("page.css", "draw.js")}

    @app.get("/")
    def index() -> Response:
        return Response(files["index.html"], media_type="text/html")

    @app.get("/static/plotly.js")
    def plotly() -> Response:
        from plotly.offline import get_plotlyjs

        kept = {"Cache-Control": "max-age=86400"}
        return Response(get_plotlyjs(), media_type="text/javascript", headers=kept)

    @app.get("/static/{name}")
    def file(name: str) -> Response:
        if name not in files:
            return PlainTextResponse("No such file.\n", 404)
        return Response(files[name], media_type=TYPES[name.rpartition(".")[2]])


def _runs(app: FastAPI, runs: Runs) -> None:
    """Runs are named in the query: the name of one of a study has slashes in it."""

    @app.get("/api/runs")
    def lines(of: str = "", page: Annotated[int, Query(ge=0)] = 0, find: str = "") -> Response:
        return _json(runs.lines(of=of, page=page, find=find.lower()))

    @app.get("/api/run")
    def one(name: str) -> Response:
        return _json(runs.one(name))

    @app.get("/api/curves")
    def curves(run: Annotated[list[str], Query()], metric: str | None = None) -> Response:
        return _figure(runs.curves(run, metric))

    @app.get("/api/run/family")
    def family(name: str, stem: str, seed: int | None = None) -> Response:
        return _figure(runs.family(name, stem, seed))

    @app.get("/api/run/views")
    def views(name: str, seed: int | None = None) -> Response:
        return _json(runs.views(name, seed))

    @app.get("/api/run/log")
    def log(name: str, seed: int) -> Response:
        return PlainTextResponse(runs.log(name, seed))

    @app.get("/api/run/file")
    def file(name: str, seed: int, file: str) -> Response:
        path = runs.file(name, seed, file)
        return FileResponse(path, media_type="application/octet-stream", filename=path.name)

    @app.get("/api/compare")
    def compare(run: Annotated[list[str], Query()]) -> Response:
        return _json(runs.compare(run))


def _changes_by_readers(app: FastAPI, library: Library) -> None:
    """Only with the token, which the guard has asked for."""

    @app.post("/api/run/remarks")
    def remark(
        name: str, note: Annotated[str, Body()], tags: Annotated[list[str], Body()]
    ) -> Response:
        return _json(write_remarks(library.runs.record(name).folder, note, tags))

    @app.post("/api/studies/{name}/stop")
    def stop(name: str) -> Response:
        return _json({"asked": stop_study(library.studies.row(name))})


def _studies(app: FastAPI, studies: Studies) -> None:
    @app.get("/api/studies")
    def lines() -> Response:
        return _json(studies.lines())

    @app.get("/api/studies/{name}")
    def one(name: str) -> Response:
        return _json(studies.one(name))

    @app.get("/api/studies/{name}/trials")
    def trials(
        name: str,
        page: Annotated[int, Query(ge=0)] = 0,
        sort: str = "number",
        down: bool = False,
        find: str = "",
    ) -> Response:
        return _json(studies.trials(name, page=page, sort=sort, down=down, find=find))

    @app.get("/api/studies/{name}/trials/{number}")
    def trial(name: str, number: int) -> Response:
        return _json(studies.trial(name, number))

    @app.get("/api/studies/{name}/sections/{section}")
    def section(name: str, section: str) -> Response:
        return _json(studies.section(name, section))


class Watch:
    """Looks at the disk once for everybody who watches, and not at all while nobody does."""

    def __init__(self, look: Callable[[], str]) -> None:
        self._look = look
        self._looking: asyncio.Task[str] | None = None
        self._looked = -math.inf

    async def version(self) -> str:
        """What was seen within the last second, or is being seen now."""
        now = time.monotonic()
        if self._looking is None or now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            self._looking = asyncio.create_task(asyncio.to_thread(self._look))
        # Who leaves while it is being looked must not stop it for the others.
        return await asyncio.shield(self._looking)


async def _changes(watch: Watch, request: Request) -> AsyncIterator[str]:
    """A message whenever there is something new to see, and a sign of life now and then."""
    seen, told = "", 0.0
    while not await request.is_disconnected():
        version, now = await watch.version(), time.monotonic()
        if version != seen:
            seen, told = version, now
            yield f"data: {version}\n\n"
        elif now - told >= STILL_HERE_S:
            told = now
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_EVERY_S)


def _json(content: Any) -> Response:
    """JSON in which a number that is not finite is null."""
    return Response(json.dumps(plain(content, null=True)), media_type="application/json")


def _figure(figure: Any) -> Response:
    text = figure.to_json() if figure is not None else "null"
    return Response(text, media_type="application/json")
