"""Firebase Cloud Messaging, HTTP v1: apps on phones."""

from typing import Any

import msgspec
import structlog
from msgspec import Struct

from supportd.clock import Clock
from supportd.metrics import PushChannel, Pushed
from supportd.push.access import AccessTokens
from supportd.push.calling import Answer, Calling, NotSent, Uncertain, read, retry_after_s
from supportd.push.channel import Fate, Note
from supportd.push.gate import Pauses

QUOTA_WAIT_S = 60.0  # where no Retry-After says (Google's docs, FCM, scale your requests)
CONFIG_WAIT_S = 60.0
THREAD_CHARS = 64  # of an APNs collapse id (Apple's docs)
APPLES_KEY_MISSING = "THIRD_PARTY_AUTH_ERROR"  # or wrong: no iPhone can be told
OF_ANOTHER_PROJECT = "SENDER_ID_MISMATCH"  # the token or our account: which one isn't said, so the device stays
KNOWN_CODES = frozenset(
    {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        APPLES_KEY_MISSING,
        OF_ANOTHER_PROJECT,
    }
)


class _Violation(Struct):
    field: str = ""


class _Detail(Struct, rename="camel"):
    error_code: str = ""
    field_violations: list[_Violation] = []


class _Error(Struct):
    status: str = ""
    message: str = ""
    details: list[_Detail] = []


class _Refusal(Struct):
    error: _Error = msgspec.field(default_factory=_Error)

    @property
    def code(self) -> str:
        """FCM's own code of the error, or else Google's."""
        codes = (detail.error_code for detail in self.error.details if detail.error_code)
        return next(codes, self.error.status)

    @property
    def is_of_the_token(self) -> bool:
        """Whether a bad argument is the device's token: FCM names the field, or says so in words."""
        fields = {violation.field for detail in self.error.details for violation in detail.field_violations}
        return "message.token" in fields or "registration token" in self.error.message.lower()


class Fcm:
    """Sends notifications, with what an SDK needs for its deep link."""

    name = PushChannel.FCM

    def __init__(
        self, *, base_url: str, project_id: str, access: AccessTokens, calling: Calling, pauses: Pauses, clock: Clock
    ) -> None:
        self._url = f"{base_url}/v1/projects/{project_id}/messages:send"
        self._access = access
        self._calling = calling
        self._pauses = pauses
        self._clock = clock
        self._log = structlog.get_logger("supportd.push")

    async def close(self) -> None:
        """Closes the connections."""
        await self._access.stop()
        await self._calling.close()

    async def ready(self, token: str) -> float:
        """Gets an access token; else how long (s) to wait."""
        wait_s = max(self._pauses.left_s(token), self._calling.opens_in())
        if wait_s > 0:
            return wait_s
        try:
            await self._access.get()
        except NotSent as error:
            wait_s = max(1.0, error.retry_after or 0.0)
            self._pauses.pause_all(wait_s)
        return wait_s

    async def send(self, note: Note) -> Fate:
        """Sends one; with a new access token, once more, if the one that we had isn't taken."""
        try:
            access = await self._access.get()
            answer = await self._post(note, access)
            if answer.status == 401 and _read(answer).code != APPLES_KEY_MISSING:
                self._access.refused(access)
                answer = await self._post(note, await self._access.get())
        except NotSent as error:
            return Fate(Pushed.RETRIED, error.retry_after)
        except Uncertain:
            return Fate(Pushed.UNCERTAIN)
        return self._fate(note.token, answer)

    async def _post(self, note: Note, access: str) -> Answer:
        content = msgspec.json.encode({"message": self._message(note)})
        headers = {"Authorization": f"Bearer {access}", "Content-Type": "application/json"}
        return await self._calling.post(self._url, content=content, headers=headers)

    def _message(self, note: Note) -> dict[str, Any]:
        thread = f"{note.place.value}-{note.target}"[:THREAD_CHARS]
        ttl_s = max(0, note.expires_at - int(self._clock.time()))
        return {
            "token": note.token,
            "notification": {"title": note.text.title, "body": note.text.body},
            "data": {"type": note.place.value, "id": note.target},
            "android": {
                "priority": "HIGH",
                "ttl": f"{ttl_s}s",
                "collapse_key": thread,
                "notification": {"tag": thread},
            },
            "apns": {
                "headers": {
                    "apns-priority": "10",
                    "apns-expiration": str(note.expires_at),
                    "apns-collapse-id": thread,
                },
                "payload": {"aps": {"thread-id": thread, "sound": "default"}},
            },
        }

    def _fate(self, token: str, answer: Answer) -> Fate:
        if answer.status == 200:
            return Fate(Pushed.SENT)
        refusal = _read(answer)
        if _is_gone(answer.status, refusal):
            return Fate(Pushed.GONE)
        retry_after = retry_after_s(answer, now=self._clock.time())
        if answer.status == 429 or (answer.status >= 500 and retry_after):
            self._pauses.pause(token, retry_after or QUOTA_WAIT_S)
            return Fate(Pushed.RETRIED, retry_after or QUOTA_WAIT_S)
        if answer.status >= 500:
            return Fate(Pushed.RETRIED)
        return self._refused(answer.status, refusal.code)

    def _refused(self, status: int, code: str) -> Fate:
        """A person has to put it right: the account, the project, or Apple's key for the iPhones of it."""
        reason = code if code in KNOWN_CODES else ""
        self._log.error("push refused", kind=self.name.value, status=status, reason=reason)
        if status not in {401, 403, 404} or code == OF_ANOTHER_PROJECT:
            return Fate(Pushed.REFUSED)
        if code != APPLES_KEY_MISSING:
            self._pauses.pause_all(CONFIG_WAIT_S)
        return Fate(Pushed.RETRIED, CONFIG_WAIT_S)


def _read(answer: Answer) -> _Refusal:
    refusal: _Refusal = read(answer, _Refusal)
    return refusal


def _is_gone(status: int, refusal: _Refusal) -> bool:
    """Whether the device can't be reached any more (Google's docs, FCM, error codes)."""
    if status == 404:
        return refusal.code == "UNREGISTERED"
    return status == 400 and refusal.code == "INVALID_ARGUMENT" and refusal.is_of_the_token
