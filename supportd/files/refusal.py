"""Why a file isn't taken."""

from supportd.errors import SupportdError


class Refused(SupportdError):
    """The file isn't one of the eight types, or isn't whole. `reason` is a short one for the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AnotherKind(Refused):
    """It is a whole file of another kind, which the reason names."""


class NotText(Refused):
    """The bytes aren't text at all, so that another reason may say more."""


def require(holds: object, reason: str) -> None:
    """Raises `Refused` with this reason unless it holds."""
    if not holds:
        raise Refused(reason)
