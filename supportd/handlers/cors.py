"""Which browsers' pages may call the API (the Fetch standard, CORS protocol)."""

from collections.abc import Iterable

PREFLIGHT_CACHED_S = "600"
SENT = "Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Range, X-Request-Id"
READ = (
    "Accept-Ranges, Age, Content-Disposition, Content-Range, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, "
    "Retry-After, X-Request-Id"
)


class Cors:
    """Headers for pages of the allowed origins; none for others, and nothing at all where no origin is allowed."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self.origins = origins

    def of_answer(self, origin: str | None) -> dict[str, str]:
        """Headers of every answer."""
        if not self.origins:
            return {}
        if origin not in self.origins:
            return {"Vary": "Origin"}
        return {"Vary": "Origin", "Access-Control-Allow-Origin": origin or "", "Access-Control-Expose-Headers": READ}

    def of_preflight(self, origin: str | None, verbs: Iterable[str]) -> dict[str, str]:
        """Headers of the answer to a preflight, beside those of every answer."""
        if origin not in self.origins:
            return {}
        return {
            "Access-Control-Allow-Methods": ", ".join(verbs),
            "Access-Control-Allow-Headers": SENT,
            "Access-Control-Max-Age": PREFLIGHT_CACHED_S,
        }
