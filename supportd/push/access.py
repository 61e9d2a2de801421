"""The access token that FCM asks for, fetched with the service account's signature and kept until it expires."""

import re

import structlog
from msgspec import Struct

from supportd.clock import Clock
from supportd.push.calling import Calling, NotSent, Uncertain, read, retry_after_s
from supportd.push.service_account import ServiceAccount
from supportd.tasks import SingleFlight

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523, 2.1
EARLY_S = 300  # a token is renewed so long before it expires
REFUSED_WAIT_S = 60.0
CODE = re.compile(r"[a-z_]{1,40}")


class AccessRefused(NotSent):
    """Google answered, and gives the account no access. `reason` is its own code of it, or nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(REFUSED_WAIT_S)
        self.reason = reason


class _Granted(Struct):
    access_token: str = ""
    expires_in: float = 0.0
    error: str = ""


class AccessTokens:
    """One token for all calls; one call for it, however many wait."""

    def __init__(self, *, account: ServiceAccount, calling: Calling, clock: Clock) -> None:
        self._account = account
        self._calling = calling
        self._clock = clock
        self._token = ""
        self._good_until = 0.0
        self._fetching: SingleFlight[str] = SingleFlight()

    async def get(self) -> str:
        """A token that holds. Raises `NotSent` if there is none now."""
        if self._token and self._clock.monotonic() < self._good_until:
            return self._token
        return await self._fetching.run("", self._fetch)

    def refused(self, token: str) -> None:
        """FCM didn't take this one: it isn't used again."""
        if token == self._token:
            self._token = ""

    async def stop(self) -> None:
        """Ends a call under way."""
        await self._fetching.stop()

    async def _fetch(self) -> str:
        asked_at = self._clock.monotonic()
        form = {"grant_type": GRANT, "assertion": self._account.assertion(now=self._clock.time())}
        try:
            answer = await self._calling.post(self._account.token_uri, data=form)
        except Uncertain:
            raise NotSent from None
        if answer.status >= 500 or answer.status == 429:
            raise NotSent(retry_after_s(answer, now=self._clock.time()))
        granted: _Granted = read(answer, _Granted)
        if answer.status != 200 or not granted.access_token.isascii() or not granted.access_token:
            reason = granted.error if CODE.fullmatch(granted.error) else ""
            structlog.get_logger("supportd.push").error("FCM access refused", status=answer.status, reason=reason)
            raise AccessRefused(reason)
        self._token = granted.access_token
        early_s = min(EARLY_S, granted.expires_in / 2)
        self._good_until = asked_at + granted.expires_in - early_s
        return self._token
