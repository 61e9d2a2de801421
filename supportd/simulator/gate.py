"""What a call meets before its handler: outages, credentials, limits, chance, version."""

import asyncio
import hmac
import random
from collections.abc import Mapping

from supportd.simulator.config import SimulatorConfig
from supportd.simulator.errors import ApiError, Cut
from supportd.simulator.faults import Faults
from supportd.simulator.rates import CallCounter, RateLimiter

VERSIONS = frozenset({f"1.{minor}" for minor in range(5)} | {f"2.{minor}" for minor in range(16)})


class Gate:
    """Lets a call in, or raises what Intercom would answer."""

    def __init__(
        self,
        *,
        config: SimulatorConfig,
        faults: Faults,
        limiter: RateLimiter,
        calls: CallCounter,
        chance: random.Random,
    ) -> None:
        self._expected = [f"Bearer {each}".encode() for each in (config.access_token, *config.more_access_tokens)]
        self._faults = faults
        self._limiter = limiter
        self._calls = calls
        self._chance = chance

    async def endure(self, operation: str, gone: asyncio.Event) -> None:
        """Counts the call and suffers it latency and outages. `gone` is set when the client has left."""
        self._calls.count(operation)
        switches = self._faults.now
        if switches.outage == "refuse":
            raise Cut
        if switches.outage == "timeout":
            await gone.wait()
            raise Cut
        if switches.latency_s:
            await asyncio.sleep(switches.latency_s)
        if switches.outage == "error":
            raise ApiError(503, "service_unavailable", "Service unavailable")

    def authenticate(self, headers: Mapping[str, str]) -> None:
        """Raises 401 for a missing or wrong token."""
        given = headers.get("Authorization", "").encode()
        if not any(hmac.compare_digest(given, each) for each in self._expected):
            raise ApiError(401, "unauthorized", "Access Token Invalid")

    def authorize(self, path: str) -> None:
        """Raises 403 for what begins with the path that is forbidden, as to a token without that permission."""
        forbidden = self._faults.now.forbidden_path
        if forbidden and path.startswith(forbidden):
            raise ApiError(403, "action_forbidden", "The token has no permission for this")

    def limit(self) -> None:
        """Counts against the rate limit, and throws the dice. Raises 429, or the error that is switched on."""
        self._limiter.take()
        switches = self._faults.now
        if self._chance.random() < switches.error_rate:
            raise ApiError(switches.error_status, "server_error", "Something went wrong")

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises 400 for an unknown `Intercom-Version`, 406 for an `Accept` without JSON."""
        version = headers.get("Intercom-Version")
        if version is not None and version not in VERSIONS:
            raise ApiError(400, "intercom_version_invalid", "The requested version could not be found")
        accept = headers.get("Accept", "*/*")
        if not any(kind in accept for kind in ("application/json", "application/*", "*/*")):
            raise ApiError(406, "client_error", "Only application/json can be had")

    def rate_headers(self) -> dict[str, str]:
        """The rate limit's headers as they stand."""
        return self._limiter.headers()
