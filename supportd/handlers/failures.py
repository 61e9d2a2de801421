"""Every exception as an answer in the contract's shape, and what the log gets to know of it."""

from types import TracebackType

import structlog
from tornado.web import HTTPError

from supportd.errors import (
    ApiError,
    BadRequest,
    IntercomRefused,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
)


def as_api_error(status: int, error: BaseException | None, allowed: tuple[str, ...]) -> ApiError:
    """The answer to an exception. `status` is Tornado's; `allowed` the route's verbs, none where there is no route."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, IntercomRefused):
        return ServiceUnavailable()
    if isinstance(error, HTTPError) and status == 405:
        return MethodNotAllowed(allowed) if allowed else NotFound()
    if isinstance(error, HTTPError) and status == 404:
        return NotFound()
    if isinstance(error, HTTPError) and 400 <= status < 500:
        return BadRequest("The request can't be read")
    return ApiError("Something went wrong")


def log_unexpected(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None, *, route: str
) -> None:
    """Logs what we didn't expect. Expected errors show in the request's own line."""
    log = structlog.get_logger("supportd.http")
    if isinstance(error, IntercomRefused):
        log.error("intercom refused a call", status=error.status, reason=error.code, route=route)
    elif not isinstance(error, ApiError | HTTPError):
        log.error("unhandled exception", exc_info=(kind, error, traceback), route=route)
