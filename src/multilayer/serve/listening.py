"""The socket of a server, and where a browser finds it."""

import errno
import os
import socket

from multilayer.errors import SettingsError, reason_of

WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 (compared with, not bound to)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingsError: the address is in use, not this machine's, or not allowed.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"host {host!r} is not known: {reason_of(error)}") from None
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)  # asyncio sends at once if it knows of TCP
    try:
        if os.name != "nt":  # where it would let several servers have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError as error:
        listening.close()
        hints = {
            errno.EADDRINUSE: f"{host}:{port} is in use; choose another port (--port), or 0 for "
            "any that is free",
            errno.EACCES: f"port {port} is for the system alone; choose one from 1024 (--port)",
            errno.EADDRNOTAVAIL: f"host {host} is not an address of this machine (--host)",
        }
        raise SettingsError(
            hints.get(error.errno or 0, f"cannot listen at {host}: {reason_of(error)}")
        ) from None
    return listening


def address_of(listening: socket.socket, host: str) -> str:
    """Where a browser on this machine finds the server."""
    port = listening.getsockname()[1]
    name = "127.0.0.1" if host in WILDCARDS else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
