"""The addresses of a server, and what each of them answers."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from multilayer.errors import MultilayerError
from multilayer.serve.access_log import AccessLog
from multilayer.serve.batching import Batcher, Job
from multilayer.serve.explanation import explanation_job
from multilayer.serve.gate import Gate
from multilayer.serve.limits import Limits
from multilayer.serve.measurements import Measurements
from multilayer.serve.metrics import CONTENT_TYPE
from multilayer.serve.models import Models
from multilayer.serve.open_inference import infer_job, model_document
from multilayer.serve.openapi import openapi_document
from multilayer.serve.page import page_file, schema_document
from multilayer.serve.plain import Options, Written, plain_job
from multilayer.serve.receiving import Receiver
from multilayer.serve.refusals import RefusalError
from multilayer.serve.served_model import ServedModel

_CLOSED_BY_CLIENT = 499
Endpoint = Callable[[Request], Awaitable[Response]]


class Service:
    """Answers requests.

    Args:
        models: that answer.
        limits: of requests.
        log: for the access log.
        measurements: for the metrics.
        allowed_hosts: see `Gate`.

    Attributes:
        application: for an ASGI server.
        is_stopping: Whether the server was asked to stop.
    """

    def __init__(
        self,
        models: Models,
        limits: Limits,
        log: AccessLog,
        measurements: Measurements,
        allowed_hosts: Collection[str],
    ) -> None:
        self._models, self._limits, self._measurements = models, limits, measurements
        self._receiver = Receiver(limits)
        self._batcher = Batcher(limits, measurements.answered)
        starlette = Starlette(
            routes=list(self._routes()),
            exception_handlers={
                RefusalError: _refused,
                MultilayerError: _refused,
                HTTPException: _refused,
                ClientDisconnect: _refused,
                Exception: _failed,
            },
            lifespan=self._lifespan,
        )
        starlette.router.redirect_slashes = False
        self.application = Gate(starlette, allowed_hosts, log, measurements)

    @property
    def is_stopping(self) -> bool:
        """Whether the server was asked to stop."""
        return self.application.is_stopping

    def stop(self) -> None:
        """Be no longer ready, and close each connection with its next answer."""
        self.application.is_stopping = True

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> Any:
        self._batcher.start()
        yield
        self._batcher.end()

    def _routes(self) -> list[Route]:
        get: list[tuple[str, Endpoint]] = [
            ("/", _page("index.html")),
            ("/docs", _page("docs.html")),
            ("/static/{file}", _static),
            ("/openapi.json", self._openapi),
            ("/metrics", self._metrics),
            ("/models", self._names),
            ("/schema/{name}", self._schema),
            ("/v2", self._server),
            ("/v2/health/live", self._live),
            ("/v2/health/ready", self._ready),
            ("/v2/models/{name}", self._model),
            ("/v2/models/{name}/ready", self._model_ready),
            ("/v2/models/{name}/versions/{version}", self._model),
            ("/v2/models/{name}/versions/{version}/ready", self._model_ready),
        ]
        post: list[tuple[str, Endpoint]] = [
            ("/predict", self._predict),
            ("/predict/{name}", self._predict),
            ("/explain", self._explain),
            ("/explain/{name}", self._explain),
            ("/v2/models/{name}/infer", self._infer),
            ("/v2/models/{name}/versions/{version}/infer", self._infer),
        ]
        return [
            Route(path, _noted(path, endpoint), methods=[method])
            for method, routes in (("GET", get), ("POST", post))
            for path, endpoint in routes
        ]

    def _served(self, request: Request) -> ServedModel:
        served = self._models.named(request.path_params.get("name"))
        asked = request.path_params.get("version", served.version)
        if asked != served.version:
            raise RefusalError(
                404, f"the version of {served.name!r} is {served.version}, not {asked[:40]!r}"
            )
        request.scope["multilayer"]["model"] = served.name
        return served

    async def _answer(
        self, request: Request, job_of: Callable[[ServedModel, bytes], Job]
    ) -> Response:
        served = self._served(request)
        async with self._receiver.body_of(request) as body:
            job = job_of(served, body)
            written: Written = await self._batcher.submit(job)
        request.scope["multilayer"]["rows"] = job.rows.num_rows
        return Response(
            written.body, media_type=written.content_type, headers=dict(written.headers)
        )

    async def _predict(self, request: Request) -> Response:
        options = Options.of_query(request.query_params)
        kind = request.headers.get("content-type", "")
        return await self._answer(
            request, lambda served, body: plain_job(served, body, kind, options, self._limits)
        )

    async def _infer(self, request: Request) -> Response:
        return await self._answer(
            request, lambda served, body: infer_job(served, body, self._limits)
        )

    async def _explain(self, request: Request) -> Response:
        return await self._answer(
            request, lambda served, body: explanation_job(served, body, self._limits)
        )

    async def _schema(self, request: Request) -> Response:
        return JSONResponse(schema_document(self._served(request), self._models, self._limits))

    async def _names(self, _: Request) -> Response:
        return JSONResponse([served.name for served in self._models.all()])

    async def _openapi(self, _: Request) -> Response:
        return JSONResponse(openapi_document(self._models.all(), self._limits))

    async def _metrics(self, _: Request) -> Response:
        self._measurements.waiting.set(self._batcher.num_waiting)
        return PlainTextResponse(self._measurements.as_text(), media_type=CONTENT_TYPE)

    async def _server(self, _: Request) -> Response:
        return JSONResponse(
            {"name": "multilayer", "version": version("multilayer"), "extensions": []}
        )

    async def _live(self, _: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, _: Request) -> Response:
        is_ready = not self.is_stopping
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    async def _model(self, request: Request) -> Response:
        return JSONResponse(model_document(self._served(request)))

    async def _model_ready(self, request: Request) -> Response:
        served = self._served(request)
        is_ready = not self.is_stopping
        return JSONResponse({"name": served.name, "ready": is_ready}, 200 if is_ready else 503)


def _noted(path: str, endpoint: Endpoint) -> Endpoint:
    """An endpoint whose route is named in log and metrics."""

    async def noted(request: Request) -> Response:
        request.scope["multilayer"] = {"route": path}
        return await endpoint(request)

    return noted


def _page(name: str) -> Endpoint:
    async def page(_: Request) -> Response:
        content, media_type = page_file(name)
        return Response(content, media_type=media_type)

    return page


async def _static(request: Request) -> Response:
    content, media_type = page_file(request.path_params["file"])
    return Response(content, media_type=media_type)


async def _refused(request: Request, error: Exception) -> Response:
    """Say why a request is not answered."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=_CLOSED_BY_CLIENT)
    if isinstance(error, HTTPException):
        methods = (error.headers or {}).get("Allow", "")
        message = {
            404: f"there is nothing at {request.url.path[:100]!r}; see /docs",
            405: f"this address takes {methods}, not {request.method[:20]}",
        }.get(error.status_code, error.detail)
        return JSONResponse({"error": message}, error.status_code, error.headers)
    status = error.status if isinstance(error, RefusalError) else 400
    headers = error.headers if isinstance(error, RefusalError) else None
    return JSONResponse({"error": " ".join(str(error).split())}, status, headers)


async def _failed(_: Request, __: Exception) -> Response:
    """A mistake of the program's; its traceback goes to the log alone."""
    return JSONResponse({"error": "the server failed; its log says more"}, 500)
