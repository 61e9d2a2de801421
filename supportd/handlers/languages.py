"""`Accept-Language`: which language a client prefers."""

import re
from collections.abc import Container

MAX_RANGES = 20
RANGE = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")


def preferred(header: str, *, among: Container[str]) -> str | None:
    """Of these languages, such as `en`, the one with the highest weight, whatever its region; None if none is named.

    Of equals it is the first. What can't be read is passed over (RFC 9110, 12.5.4).
    """
    found = (RANGE.fullmatch(part) for part in header.split(",", MAX_RANGES)[:MAX_RANGES])
    weighed = [(float(match[2] or 1), match[1].lower()) for match in found if match and match[1].lower() in among]
    best = max(weighed, key=lambda each: each[0], default=(0.0, ""))
    return best[1] if best[0] > 0 else None
