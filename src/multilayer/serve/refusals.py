"""Requests that are not answered, with the status that says why."""

from multilayer.errors import MultilayerError


class RefusalError(MultilayerError):
    """A request cannot be answered.

    Args:
        status: of HTTP, 400 to 499 or 503.
        message: for the one who asked: what was given, and what it must be.
        headers: of the answer.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}


def busy(why: str) -> RefusalError:
    """Too much is asked at the moment."""
    return RefusalError(503, f"{why}; try again in a second", {"retry-after": "1"})
