"""`multilayer serve`."""

import os
from importlib.util import find_spec
from typing import Annotated, Literal

from cyclopts import Parameter

from multilayer.cli.argument_types import as_whole
from multilayer.cli.terminal import note, say
from multilayer.errors import MissingExtraError, SettingsError
from multilayer.serve.limits import Limits


def serve(
    *runs: str,
    host: str = "127.0.0.1",
    port: Annotated[int, as_whole] = 8000,
    allow_host: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    log_format: Literal["json", "text"] = "json",
    limits: Annotated[Limits, Parameter(name="*")] = Limits(),  # noqa: B008 (frozen)
) -> int:
    """Answer over HTTP with one or several trained networks.

    A page with a form at /, JSON rows, CSV or pictures to /predict, the Open Inference Protocol at
    /v2, a specification that can be tried at /docs, and counts for Prometheus at /metrics. SIGTERM
    or Ctrl-C answers what was accepted and ends; SIGHUP loads the model files anew, and keeps one
    whose new file is broken. The log goes to the standard error, a line a request.

    Args:
        runs: run folders or model files, or NAME=RUN, the name that stands in addresses.
        host: address to listen at; 0.0.0.0 or :: for all of this machine.
        port: to listen at; 0 for any that is free.
        allow_host: a name in the Host header, beside localhost, that requests may be addressed to;
            may be given several times; '*' for any.
        log_format: of the log, json or text.
    """
    if not runs:
        raise SettingsError("name a run folder or a model file to serve")
    if not 0 <= port <= 65535:
        raise SettingsError(f"port must be from 0 to 65535; it is {port}")
    for package in ("starlette", "uvicorn", "httptools"):
        if find_spec(package) is None:
            raise MissingExtraError("multilayer serve", package, "serve")
    from multilayer.serve.listening import address_of, listening_socket
    from multilayer.serve.models import Models
    from multilayer.serve.served_model import named_paths
    from multilayer.serve.server import Server, allowed_hosts

    models = Models(named_paths(runs))
    listening = listening_socket(host, port)
    address = address_of(listening, host)
    for served in models.all():
        say(f"{served.name}: {served.summary}, version {served.version}")
    if host in ("0.0.0.0", "::") and not allow_host:  # noqa: S104 (compared with)
        note("requests by another name than localhost are refused; allow them by --allow-host NAME")
    say(f"page {address}/, specification {address}/docs, process {os.getpid()}", flush=True)
    Server(models, limits, allowed_hosts(host, allow_host), log_format).serve_on(listening)
    return 0
