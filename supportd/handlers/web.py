"""What every handler is given, and how a route knows its callers."""

from dataclasses import dataclass
from enum import StrEnum

from supportd.clock import Clock
from supportd.handlers.cors import Cors
from supportd.identity import Identifier
from supportd.lifecycle import Lifecycle
from supportd.metrics import Metrics
from supportd.ratelimit import RateLimiter


class Auth(StrEnum):
    """How a route knows its caller. Every verb of every route has one."""

    BEARER = "bearer"
    HMAC = "hmac"
    LINK = "link"
    PUBLIC = "public"


@dataclass(frozen=True, kw_only=True)
class Web:
    """What every handler needs."""

    identifier: Identifier
    reads: RateLimiter
    writes: RateLimiter
    metrics: Metrics
    lifecycle: Lifecycle
    clock: Clock
    cors: Cors
