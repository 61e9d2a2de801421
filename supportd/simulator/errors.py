"""Errors as Intercom words them (openapi.yaml; contract, part 1.2)."""


class ApiError(Exception):
    """An answer that isn't 2xx."""

    def __init__(self, status: int, code: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field


class ControlError(Exception):
    """A call of the control API that can't be done; answered with 400."""


class Cut(Exception):
    """The connection is to be cut without an answer."""


def invalid(message: str, *, field: str | None = None) -> ApiError:
    """A request that makes no sense."""
    return ApiError(400, "parameter_invalid", message, field=field)


def resource_not_found() -> ApiError:
    """An unknown conversation or route."""
    return ApiError(404, "not_found", "Resource Not Found")


def user_not_found() -> ApiError:
    """An unknown contact, by whichever identifier."""
    return ApiError(404, "not_found", "User Not Found")
