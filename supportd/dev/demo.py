"""`supportd dev`: MongoDB, the Intercom simulator and supportd on one machine, wired to each other."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jwt

from supportd.dev.mongod import Mongod, MongodMissing, die_with_parent, tail
from supportd.identity import ALGORITHM

PORT_BASE = 41100
USER = "alice"
TOKEN_S = 30 * 86400
UP_S = 30
STOP_S = 20
LOOK_EVERY_S = 0.1
SEARCH_LAG_S = 3

WELCOME = """
supportd is up, with an Intercom simulator and MongoDB behind it.

  API        {api}          (health: {api}/health, readiness: {api}/ready)
  metrics    {metrics}/metrics
  simulator  {simulator}          (an Intercom workspace; its control API is under /_sim)
  data, logs {var}

Paste these into another terminal, one after the other:

  TOKEN={token}

  # The user starts a request:
  ID=$(curl -s {api}/api/conversations -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{{"body": "My transfer is stuck"}}' \\
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'); echo "conversation $ID"

  # The operator answers it, in Intercom:
  curl -s {simulator}/_sim/conversations/$ID/reply \\
    -d '{{"body": "<p>Hello <b>Alice</b>, I am looking into it.</p>"}}' > /dev/null

  # The user's next poll shows the answer:
  curl -s "{api}/api/conversations/$ID/poll?since=0" -H "Authorization: Bearer $TOKEN"

  # All of the user's conversations:
  curl -s {api}/api/conversations -H "Authorization: Bearer $TOKEN"

Ctrl-C stops all three. What was said is kept in {var}.
"""


class DemoFailed(Exception):
    """The demo can't go on. The message says why."""


@dataclass(frozen=True)
class Secrets:
    """Made once and kept, so that yesterday's token works today."""

    jwt_secret: str
    access_token: str
    client_secret: str
    admin_id: str

    @classmethod
    def kept_in(cls, file: Path) -> "Secrets":
        """Those in the file, which only its owner may read; made where it isn't there."""
        if file.exists():
            return cls(**json.loads(file.read_text()))
        made = cls(secrets.token_hex(32), secrets.token_hex(16), secrets.token_hex(16), "991267459")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(asdict(made), out)
        return made


@dataclass(frozen=True)
class Ports:
    """Where everything listens; `DEV_PORT_BASE` moves them all."""

    api: int
    metrics: int
    simulator: int
    mongod: int

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        """The ports from a base on."""
        return cls(api=base, metrics=base + 1, simulator=base + 80, mongod=base + 17)

    def check(self) -> None:
        """Raises `DemoFailed` if one is taken."""
        for name, port in asdict(self).items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    message = f"port {port} ({name}) is in use; set DEV_PORT_BASE to move all ports, e.g. to 42100"
                    raise DemoFailed(message) from None


class Child:
    """One of our programs as a process of its own, its output in a log."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours: we stop them in order
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, made before any thread matters
            )

    @property
    def exit_code(self) -> int | None:
        """The exit code, once it has ended."""
        return self._process.poll()

    def stop(self) -> None:
        """Asks it to end, and waits."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main(var: Path) -> int:
    """Runs until Ctrl-C or SIGTERM; returns the exit code: 0, or 1 with a message if something failed."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with ExitStack() as stack:
            children = _start(var.absolute(), stack, stop)
            while not stop.wait(LOOK_EVERY_S):
                _check(children)
            print("\nstopping ...", flush=True)
    except (DemoFailed, MongodMissing) as error:
        print(f"supportd dev: {error}", file=sys.stderr)
        return 1
    return 0


def _start(var: Path, stack: ExitStack, stop: threading.Event) -> list[Child]:
    ports = Ports.from_base(int(os.environ.get("DEV_PORT_BASE", str(PORT_BASE))))
    ports.check()
    logs = var / "log"
    logs.mkdir(parents=True, exist_ok=True)
    kept = Secrets.kept_in(var / "dev.json")
    api, simulator = f"http://127.0.0.1:{ports.api}", f"http://127.0.0.1:{ports.simulator}"
    intercom = {
        "INTERCOM_ACCESS_TOKEN": kept.access_token,
        "INTERCOM_CLIENT_SECRET": kept.client_secret,
        "INTERCOM_ADMIN_ID": kept.admin_id,
    }
    server = {
        **intercom,
        "INTERCOM_BASE_URL": simulator,
        "MONGO_URI": stack.enter_context(_mongodb(var, ports)),
        "JWT_SECRET": kept.jwt_secret,
        "PORT": str(ports.api),
        "METRICS_PORT": str(ports.metrics),
        "PUBLIC_URL": api,
        "LOG_FORMAT": "json",
    }
    print("starting the Intercom simulator ...", flush=True)
    command = ["supportd.simulator", "--port", str(ports.simulator), "--state", str(var / "simulator.json")]
    children = [_child("simulator", command, intercom, logs, stack)]
    _wait_for(f"{simulator}/_sim/status", children, stop)
    print("starting supportd ...", flush=True)
    children.append(_child("supportd", ["supportd", "serve"], server, logs, stack))
    _wait_for(f"{api}/health", children, stop)
    if not stop.is_set():
        _post(f"{simulator}/_sim/faults", {"search_lag_s": SEARCH_LAG_S})
        _post(f"{simulator}/_sim/webhook", {"url": f"{api}/webhooks/intercom"})
        _welcome(api, f"http://127.0.0.1:{ports.metrics}", simulator, var, kept)
    return children


@contextmanager
def _mongodb(var: Path, ports: Ports) -> Iterator[str]:
    """The MongoDB to use: the one that `MONGO_URI` names, or one of our own."""
    named = os.environ.get("MONGO_URI")
    if named:
        yield named
        return
    print("starting MongoDB ...", flush=True)
    mongod = Mongod(var / "mongo", port=ports.mongod)
    try:
        mongod.start()
        yield mongod.uri
    finally:
        mongod.stop()


def _child(name: str, command: list[str], environment: dict[str, str], logs: Path, stack: ExitStack) -> Child:
    child = Child(name, command, environment, logs / f"{name}.log")
    stack.callback(child.stop)
    return child


def _wait_for(url: str, children: list[Child], stop: threading.Event) -> None:
    deadline = time.monotonic() + UP_S
    while not _answers(url):
        _check(children)
        if time.monotonic() > deadline:
            raise DemoFailed(f"{url} didn't answer within {UP_S} s; see {children[-1].log}")
        if stop.wait(LOOK_EVERY_S):
            return


def _check(children: list[Child]) -> None:
    for child in children:
        if child.exit_code is not None:
            raise DemoFailed(f"{child.name} ended with exit code {child.exit_code}; its log ends:\n{tail(child.log)}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - an address of our own
            return True
    except (urllib.error.URLError, OSError):
        return False


def _post(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - an address of our own
        pass


def _welcome(api: str, metrics: str, simulator: str, var: Path, kept: Secrets) -> None:
    claims = {"userId": USER, "exp": int(time.time()) + TOKEN_S}
    token = jwt.encode(claims, kept.jwt_secret, algorithm=ALGORITHM)
    print(WELCOME.format(api=api, metrics=metrics, simulator=simulator, var=var, token=token), flush=True)
