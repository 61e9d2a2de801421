"""A stand-in for Google: it gives access tokens for signed assertions and takes messages, as strictly as FCM does."""

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from supportd.clock import Clock

PROJECT = "wallet-app"
EMAIL = "push@wallet-app.iam.gserviceaccount.com"
KEY_ID = "0123456789abcdef"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
MAX_BYTES = 4096  # of a message (FCM's docs)
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"

# The fields of a message that are used, of those that FCM knows; another one is a 400 (FCM's REST reference, v1).
SHAPE: dict[str, Any] = {
    "token": str,
    "notification": {"title": str, "body": str},
    "data": dict,
    "android": {"priority": str, "ttl": str, "collapse_key": str, "notification": {"tag": str}},
    "apns": {"headers": dict, "payload": dict},
}


@dataclass(frozen=True)
class Fault:
    """What is answered instead."""

    status: int
    code: str = ""
    message: str = "Something is wrong."
    headers: dict[str, str] = field(default_factory=dict)
    google_status: str = ""
    fields: tuple[str, ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        details: list[dict[str, Any]] = [{"@type": FCM_ERROR, "errorCode": self.code}] if self.code else []
        if self.fields:
            violations = [{"field": each, "description": self.message} for each in self.fields]
            details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
        status = self.google_status or self.code
        return {"error": {"code": self.status, "message": self.message, "status": status, "details": details}}


UNREGISTERED = Fault(404, "UNREGISTERED", "Requested entity was not found.", google_status="NOT_FOUND")
BAD_TOKEN = Fault(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token")


class Fcm:
    """Takes messages. `faults` are answered one after the other, `of_tokens` for a device whenever it is told."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.asked = 0
        self.grants = 0
        self.faults: list[Fault] = []
        self.of_tokens: dict[str, Fault] = {}
        self.grant_fault: tuple[int, dict[str, Any]] | None = None
        self.access_tokens: set[str] = set()
        self.token_ttl_s = 3599
        self.passable = asyncio.Event()
        self.passable.set()
        self.grants_passable = asyncio.Event()
        self.grants_passable.set()
        self.clock = Clock()
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.add_key(KEY_ID)
        self._server = HTTPServer(
            Application(
                [(r"/token", _Token, {"fcm": self}), (r"/v1/projects/([^/]+)/messages:send", _Send, {"fcm": self})],
                log_function=lambda _: None,
            )
        )
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_key(self, key_id: str) -> None:
        """The service account has one more key; `account` is of the newest."""
        self.keys[key_id] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def account(self) -> dict[str, str]:
        """The key file of its service account."""
        key_id, key = list(self.keys.items())[-1]
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": key_id,
            "private_key": pem.decode(),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }

    @property
    def tokens(self) -> list[str]:
        """The devices that were told, in order."""
        return [message["token"] for message in self.messages]

    def listen(self) -> None:
        sockets = bind_sockets(self.port, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self._server.add_sockets(sockets)

    async def close(self) -> None:
        self._server.stop()
        await self._server.close_all_connections()

    async def cut(self) -> None:
        """Every connection ends, whatever was asked on it."""
        await self._server.close_all_connections()

    def now(self) -> float:
        return self.clock.time()


class _Answering(RequestHandler):
    def initialize(self, fcm: Fcm) -> None:
        self.fcm = fcm

    def answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.set_status(status)
        for name, value in (headers or {}).items():
            self.set_header(name, value)
        self.finish(body)


class _Token(_Answering):
    async def post(self) -> None:
        self.fcm.grants += 1
        await self.fcm.grants_passable.wait()
        if self.fcm.grant_fault is not None:
            self.answer(*self.fcm.grant_fault)
            return
        problem = self._problem()
        if problem:
            self.answer(400, {"error": "invalid_grant", "error_description": problem})
            return
        access = f"ya29.{secrets.token_urlsafe(24)}"
        self.fcm.access_tokens.add(access)
        self.answer(200, {"access_token": access, "expires_in": self.fcm.token_ttl_s, "token_type": "Bearer"})

    def _problem(self) -> str:
        if self.get_body_argument("grant_type") != GRANT:
            return "grant_type"
        assertion = self.get_body_argument("assertion")
        key = self.fcm.keys.get(jwt.get_unverified_header(assertion).get("kid", ""))
        if key is None:
            return "kid"
        try:
            # Its times are compared below: the test drives the clock.
            options: Any = {"verify_exp": False, "verify_iat": False, "require": ["iat", "exp"]}
            claims = jwt.decode(
                assertion, key.public_key(), ["RS256"], audience=f"{self.fcm.url}/token", options=options
            )
        except jwt.PyJWTError as error:
            return str(error)
        if (claims["iss"], claims["scope"]) != (EMAIL, SCOPE):
            return "iss or scope"
        if not claims["iat"] - 60 <= self.fcm.now() <= claims["exp"] <= claims["iat"] + 3600:
            return "times"
        return ""


class _Send(_Answering):
    async def post(self, project: str) -> None:
        self.fcm.asked += 1
        await self.fcm.passable.wait()
        fault = self._fault(project)
        if fault is None:
            self.fcm.messages.append(msgspec.json.decode(self.request.body)["message"])
            self.answer(200, {"name": f"projects/{project}/messages/{len(self.fcm.messages)}"})
        else:
            self.answer(fault.status, fault.body, fault.headers)

    def _fault(self, project: str) -> Fault | None:
        access = self.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if access not in self.fcm.access_tokens:
            return Fault(401, google_status="UNAUTHENTICATED", message="Request had invalid credentials.")
        if project != PROJECT:
            return Fault(404, google_status="NOT_FOUND")
        body = msgspec.json.decode(self.request.body)
        if body.pop("validate_only", False):
            return self.fcm.faults.pop(0) if self.fcm.faults else BAD_TOKEN
        problem = None if set(body) == {"message"} else "message"
        problem = problem or _misshapen(body["message"], SHAPE, "message") or _wrong(body["message"])
        if problem or len(self.request.body) > MAX_BYTES:
            return Fault(400, "INVALID_ARGUMENT", f"Invalid value at '{problem}'", fields=(str(problem),))
        if self.fcm.faults:
            return self.fcm.faults.pop(0)
        return self.fcm.of_tokens.get(body["message"]["token"])


def _misshapen(given: Any, shape: Any, path: str) -> str | None:
    """The path of a field that FCM doesn't know, or that is of another type."""
    if isinstance(shape, type):
        return None if isinstance(given, shape) else path
    if not isinstance(given, dict) or not set(given) <= set(shape):
        return path
    return next(filter(None, (_misshapen(given[each], shape[each], f"{path}.{each}") for each in given)), None)


def _wrong(message: dict[str, Any]) -> str | None:
    texts = {**message["data"], **message["apns"]["headers"]}
    if not all(isinstance(value, str) for value in texts.values()):
        return "message.data"
    if not re.fullmatch(r"\d+s", message["android"]["ttl"]) or message["android"]["priority"] not in {"HIGH", "NORMAL"}:
        return "message.android"
    if len(message["apns"]["headers"]["apns-collapse-id"]) > 64:
        return "message.apns"
    return None
