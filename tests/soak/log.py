"""supportd's own log after a soak: what must never be in it, whatever happened."""

import json
from pathlib import Path

# What faults bring with them: it says what couldn't be done just then, and that is done later.
EXPECTED = frozenset({
    "storage unavailable",
    "periodic task failed",
    "event loop blocked",
    "rating not settled yet",
    "webhook given up",
    "requests cut",
    "files not delivered",
    "topic never arrives: is it ticked in Intercom's webhook settings?",
})  # fmt: skip
OUTAGES = frozenset({"IntercomUnavailable", "StorageUnavailable"})


def unexpected(log: Path) -> list[str]:
    """Lines at warning or above that no fault explains, and lines that aren't the logger's."""
    return [line for line in log.read_text(errors="replace").splitlines() if not _is_expected(line)]


def _is_expected(line: str) -> bool:
    try:
        told = json.loads(line)
    except ValueError:
        return False
    if told["level"] in {"debug", "info"}:
        return True
    if told["event"] == "periodic task failed":
        return told["error"] in OUTAGES
    if told["event"].endswith("can't be refreshed"):
        return told["error_type"] in OUTAGES
    return told["event"] in EXPECTED
