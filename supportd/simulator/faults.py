"""The trouble that the control API can cause. Each switch is off by default."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from supportd.simulator.errors import ControlError

Rate = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class FaultSettings(Struct, forbid_unknown_fields=True):
    """All switches. Rates are chances from 0 to 1, `_s` are seconds.

    `search_lag_one_in`: of the ids only each n-th lags. `search_drift`: after each page but the last so many of its
    items change, and cursors are positions, so that as many others slip through between the pages.
    """

    latency_s: Seconds = 0.0
    error_rate: Rate = 0.0
    error_status: Annotated[int, Meta(ge=400, le=599)] = 500
    outage: Literal["", "refuse", "error", "timeout"] = ""
    rate_limit_per_minute: Annotated[int, Meta(ge=1)] = 10_000
    force_429: bool = False
    search_lag_s: Seconds = 0.0
    search_lag_one_in: Annotated[int, Meta(ge=1)] = 1
    search_misses_closes: bool = False
    search_drift: Count = 0
    contact_search_lag_s: Seconds = 0.0
    forbidden_path: str = ""
    attachments: Literal["ok", "drop_silently", "refuse"] = "ok"
    garbage: Literal["", "not_json", "half"] = ""
    cut_after_write: Count = 0
    write_404_times: Count = 0
    statistics: bool = True
    strict_search: bool = False
    strict_attributes: bool = False
    webhook_version: Literal["2.14", "2.15"] = "2.15"
    webhook_drop: Rate = 0.0
    webhook_duplicate: Rate = 0.0
    webhook_delay_s: Seconds = 0.0
    webhook_reorder: bool | Literal["newest_first", "shuffle"] = False
    webhook_hold: bool = False
    webhook_bad_signature: bool = False


class Faults:
    """The switches as they stand; everybody reads `now`."""

    def __init__(self) -> None:
        self.now = FaultSettings()

    def merge(self, changes: dict[str, Any]) -> None:
        """Sets the switches named. Raises `ControlError` for an unknown one or a wrong value, and changes nothing."""
        try:
            self.now = msgspec.convert(msgspec.to_builtins(self.now) | changes, FaultSettings)
        except msgspec.ValidationError as error:
            raise ControlError(str(error)) from error

    def clear(self) -> None:
        """Turns all of them off."""
        self.now = FaultSettings()
