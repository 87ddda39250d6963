"""What a server takes, at most."""

from dataclasses import dataclass, fields

from multilayer.errors import SettingsError


@dataclass(frozen=True)
class Limits:
    """Upper bounds; each must be above 0.

    Attributes:
        max_body_bytes: Of the body of a request.
        max_rows: Of a request.
        max_nesting: Of lists and objects of JSON in each other.
        max_pixels: Of a PNG or JPEG picture.
        max_waiting: Requests that wait for an answer; one more gets the status 503.
        max_waiting_bytes: Of the bodies of all requests that are received or wait.
        max_batch_rows: Of requests that are answered together.
        max_connections: That are open at once.
        receive_seconds: From the first byte of a request to its last.
        idle_seconds: That a connection may stay open without a request.
        stop_seconds: That requests have to be answered once the server is asked to stop.

    Raises:
        SettingsError: a bound is not above 0.
    """

    max_body_bytes: int = 16_000_000
    max_rows: int = 100_000
    max_nesting: int = 8
    max_pixels: int = 20_000_000
    max_waiting: int = 256
    max_waiting_bytes: int = 128_000_000
    max_batch_rows: int = 256
    max_connections: int = 1000
    receive_seconds: float = 10.0
    idle_seconds: float = 60.0
    stop_seconds: float = 30.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not value > 0:
                raise SettingsError(f"{one.name} must be above 0; it is {value}")
        if self.max_waiting_bytes < self.max_body_bytes:
            raise SettingsError(
                f"max_waiting_bytes must be at least max_body_bytes, {self.max_body_bytes}; "
                f"it is {self.max_waiting_bytes}"
            )
