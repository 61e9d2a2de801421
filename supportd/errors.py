"""Every error that supportd answers or raises between its own modules.

    SupportdError
    ├── ApiError                    answered to a client: a status and a stable code
    │   ├── BadRequest              400 bad_request         the request can't be read
    │   ├── ValidationFailed        400 validation_error    it can, but a field is wrong; the message names it
    │   ├── Unauthorized            401 unauthorized        no token that holds
    │   ├── BadSignature            401 unauthorized        a webhook that isn't Intercom's
    │   ├── NotFound                404 not_found           there is none, or it is another user's
    │   ├── MethodNotAllowed        405 method_not_allowed
    │   ├── Conflict                409 conflict            an Idempotency-Key is in use just now; carries Retry-After
    │   ├── RangeNotSatisfiable     416 bad_request         carries Content-Range
    │   ├── RateLimited             429 rate_limited        carries Retry-After
    │   └── ServiceUnavailable      502 service_unavailable
    │       ├── IntercomUnavailable     down, its breaker open, or no budget in time
    │       ├── StorageUnavailable      MongoDB doesn't answer
    │       ├── FileStorageUnavailable  the disk of the files is full or fails, or S3 does
    │       └── NotStored           503 the same, told to Intercom, which then sends its webhook again
    ├── IntercomRefused             Intercom answered 4xx: our call was wrong, Intercom is up
    │   └── IntercomNotFound        404
    ├── ConfigError                 a setting is missing or bad; the message names it
    └── CannotListen                an address is taken or not ours; the message names it

Errors of httpx, pymongo and boto3 are translated where they occur (`intercom/`, `stores/`, `files/`); nothing above
knows those names.
"""

import math


class SupportdError(Exception):
    """The root of the tree."""


class ApiError(SupportdError):
    """An error with an answer: `status`, the contract's `code`, a message for the client and extra headers."""

    status = 500
    code = "internal_error"

    def __init__(self, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = headers or {}


class BadRequest(ApiError):
    """The request isn't what its Content-Type says, or can't be read at all."""

    status = 400
    code = "bad_request"


class ValidationFailed(ApiError):
    """A field of the request is wrong. The message starts with its name."""

    status = 400
    code = "validation_error"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class Unauthorized(ApiError):
    """No token, or one that doesn't hold. The message never says more than the client knows."""

    status = 401
    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("A valid bearer token is required", headers={"WWW-Authenticate": "Bearer"})


class BadSignature(ApiError):
    """A webhook whose signature doesn't hold."""

    status = 401
    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__("The signature doesn't hold")


class NotFound(ApiError):
    """Absent, or another user's: the two are told apart by nobody outside."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "Not found") -> None:
        super().__init__(message)


class MethodNotAllowed(ApiError):
    """A known path with a wrong method. `allowed` becomes `Allow` (RFC 9110, 15.5.6)."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__("Method not allowed", headers={"Allow": ", ".join(allowed)})


class Conflict(ApiError):
    """A request with the same `Idempotency-Key` is under way, or it can't be told yet what became of it.

    `retry_after` is in seconds; the client is told whole ones, 1 or more.
    """

    status = 409
    code = "conflict"

    def __init__(self, retry_after: float) -> None:
        headers = {"Retry-After": str(max(1, math.ceil(retry_after)))}
        super().__init__("A request with this Idempotency-Key is under way, try again", headers=headers)


class RateLimited(ApiError):
    """The user does too much of something. `retry_after` is in whole seconds, 1 or more."""

    status = 429
    code = "rate_limited"

    def __init__(self, retry_after: int, message: str = "Too many requests") -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class RangeNotSatisfiable(ApiError):
    """The range that was asked for begins after the file's end (RFC 9110, 15.5.17). `size` is in bytes."""

    status = 416
    code = "bad_request"

    def __init__(self, size: int) -> None:
        super().__init__("The range is beyond the file's end", headers={"Content-Range": f"bytes */{size}"})


class ServiceUnavailable(ApiError):
    """Something behind us is away. `retry_after` in seconds, where it is known."""

    status = 502
    code = "service_unavailable"

    def __init__(self, message: str = "Support is unavailable, try again", *, retry_after: float | None = None) -> None:
        headers = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
        super().__init__(message, headers=headers)
        self.retry_after = retry_after


class IntercomUnavailable(ServiceUnavailable):
    """Intercom is down, slow, breaking off, or its breaker or budget says no.

    `sent` tells whether the call may have reached Intercom: a write that may have is not simply repeated.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, sent: bool = False) -> None:
        super().__init__(retry_after=retry_after)
        self.reason = reason
        self.sent = sent


class StorageUnavailable(ServiceUnavailable):
    """MongoDB didn't take or give what was asked in time."""


class FileStorageUnavailable(ServiceUnavailable):
    """The bytes of a file couldn't be stored, read or deleted. `reason` is `disk full`, or the kind of error."""

    def __init__(self, reason: str) -> None:
        super().__init__("Files are unavailable, try again")
        self.reason = reason


class NotStored(ServiceUnavailable):
    """A webhook couldn't be stored. 503 makes Intercom send it again (Intercom's docs, webhook models)."""

    status = 503


class IntercomRefused(SupportdError):
    """Intercom answered 4xx. `status`, `code` and `detail` are Intercom's own."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.detail = detail


class IntercomNotFound(IntercomRefused):
    """Intercom answered 404."""


class ConfigError(SupportdError):
    """A setting is missing or bad. The message is one sentence that names it."""


class CannotListen(SupportdError):
    """An address can't be listened on. The message is one sentence that names it."""
