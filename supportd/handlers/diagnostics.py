r"""`/api/diagnostics`: how the SDK fares on a device, as one line in the log and one count.

Each field is bounded so narrowly that free text, addresses and tokens don't fit; what isn't listed here is dropped.
Patterns end in `(?!\n)$` since Python's `$` alone lets a last line break pass; ECMAScript reads them the same way.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta, Struct

from supportd.handlers.base import BaseHandler

Version = Annotated[str, Meta(pattern=r"^[0-9]{1,5}(\.[0-9]{1,5}){0,2}([-+][0-9A-Za-z.]{1,12}){0,2}(?!\n)$")]
Model = Annotated[
    str,  # up to four words, of which one has a digit, and no number of nine digits or more, however it is written
    Meta(pattern=r"^(?=.*[0-9])(?!.*[0-9][0-9 ()+-]{8})[0-9A-Za-z,()+_-]{1,16}( [0-9A-Za-z,()+_-]{1,16}){0,3}(?!\n)$"),
]
Locale = Annotated[str, Meta(pattern=r"^[a-z]{2,3}([-_][A-Z][a-z]{3})?([-_]([A-Z]{2}|[0-9]{3}))?(?!\n)$")]
EventName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]{0,15}([._][a-z0-9]{1,16}){0,3}(?!\n)$")]
ErrorCode = Annotated[str, Meta(pattern=r"^(-?[0-9]{1,6}|[A-Z]{1,16}(_[A-Z0-9]{1,16}){0,3})(?!\n)$")]
HttpStatus = Annotated[int, Meta(ge=100, le=599)]
Milliseconds = Annotated[int, Meta(ge=0, le=600_000)]


class Platform(StrEnum):
    """What the SDK runs on."""

    IOS = "ios"
    ANDROID = "android"
    WEB = "web"
    TMA = "tma"


class Network(StrEnum):
    """How the device is connected."""

    WIFI = "wifi"
    CELLULAR = "cellular"
    ETHERNET = "ethernet"
    OTHER = "other"
    OFFLINE = "offline"


class DiagnosticsBody(Struct, rename="camel"):
    """What an SDK may tell. The fields have the same names in the log, but for `event`, which is the line's own."""

    app_version: Version | None = None
    sdk_version: Version | None = None
    platform: Platform | None = None
    os_version: Version | None = None
    device_model: Model | None = None
    locale: Locale | None = None
    network_type: Network | None = None
    client_event: EventName | None = msgspec.field(default=None, name="event")
    error_code: ErrorCode | None = None
    http_status: HttpStatus | None = None
    latency_ms: Milliseconds | None = None


class DiagnosticsHandler(BaseHandler):
    """Takes telemetry. It needs neither MongoDB nor Intercom."""

    def post(self) -> None:
        """Logs and counts what the SDK tells."""
        given = self.json_body(DiagnosticsBody)
        told = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not None}
        structlog.get_logger("supportd.diagnostics").info("diagnostics", user=self.user_hash, **told)
        self.web.metrics.diagnostics.count(given.app_version)
        self.set_status(204)
        self.finish()
