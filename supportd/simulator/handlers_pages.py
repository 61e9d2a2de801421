"""`/demo`, `/inbox` and their files, and the sessions that a wallet's backend would mint. Only the demo serves them."""

import time
from pathlib import Path
from typing import Any

import jwt
import msgspec
from msgspec import Struct
from tornado.routing import URLSpec
from tornado.web import HTTPError, RequestHandler, StaticFileHandler

from supportd.simulator.config import SimulatorConfig

PAGES = Path(__file__).parent / "pages"
PAGE_NAMES = ("demo", "inbox")
LONGEST_SESSION_S = 3600
DEFAULT_SESSION_S = 900
MAX_USER_LENGTH = 64


class PageHandler(StaticFileHandler):
    """Files as they are on the disk, under a policy that lets nothing run or load but them and the API's answers."""

    def initialize(self, *, api_url: str) -> None:  # type: ignore[override]
        """Takes the API's address, the one other place that pages may speak to."""
        self.api_url = api_url
        super().initialize(path=str(PAGES))

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - Tornado's
        """The same for every file."""
        self.set_header("Content-Security-Policy", policy(self.api_url))
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-cache")

    def log_exception(self, *exc_info: Any) -> None:
        """Keeps paths that aren't there out of the log."""
        if not isinstance(exc_info[1], HTTPError):
            super().log_exception(*exc_info)


class EntryHandler(PageHandler):
    """`/demo` and `/inbox`: a page's `index.html` under a short address."""

    async def get(self, path: str, include_body: bool = True) -> None:  # noqa: FBT001, FBT002 - Tornado's
        """The page."""
        await super().get(f"{path}/index.html", include_body)


class SessionBody(Struct):
    """Who wants a session, and for how many seconds."""

    user: str
    ttl: int = DEFAULT_SESSION_S


class SessionHandler(RequestHandler):
    """`POST /demo/session`: plays the wallet's backend, which knows its users and holds `JWT_SECRET`."""

    def initialize(self, *, config: SimulatorConfig) -> None:
        """Takes the API's address and the secret."""
        self.config = config

    def post(self) -> None:
        """A short session for a user, and where the API is. JSON only, so no other site's form can ask for one."""
        if not self.config.jwt_secret:
            raise HTTPError(404)
        body = self._body()
        expires_at = int(time.time()) + body.ttl
        token = jwt.encode({"userId": body.user, "exp": expires_at}, self.config.jwt_secret, algorithm="HS256")
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(msgspec.json.encode({"api": self.config.api_url, "token": token, "expiresAt": expires_at * 1000}))

    def _body(self) -> SessionBody:
        if not self.request.headers.get("Content-Type", "").startswith("application/json"):
            raise HTTPError(415)
        try:
            body = msgspec.json.decode(self.request.body, type=SessionBody)
        except msgspec.DecodeError:
            raise HTTPError(400) from None
        if not 1 <= len(body.user) <= MAX_USER_LENGTH or not 1 <= body.ttl <= LONGEST_SESSION_S:
            raise HTTPError(400)
        return body


def policy(api_url: str) -> str:
    """The Content-Security-Policy: nothing inline, nothing from elsewhere, in nobody's frame."""
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' blob: {api_url}",
        "connect-src": f"'self' {api_url}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}".rstrip() for name, value in rules.items())


def page_routes(config: SimulatorConfig) -> list[Any]:
    """The routes of pages, before Intercom's own."""
    given = {"api_url": config.api_url}
    return [
        URLSpec("/demo/session", SessionHandler, {"config": config}),
        URLSpec(f"/({'|'.join(PAGE_NAMES)})", EntryHandler, given),
        URLSpec("/pages/(.+)", PageHandler, given),
    ]
