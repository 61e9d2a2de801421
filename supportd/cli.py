"""The command line: arguments in, exit codes out."""

import argparse
import asyncio
import os
import re
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

from supportd import __version__, logs, loop
from supportd.clock import Clock
from supportd.config import Settings, secret
from supportd.errors import CannotListen, ConfigError, StorageUnavailable
from supportd.identity import ALGORITHM
from supportd.stores import mongo
from supportd.stores.stores import Stores

FAILED = 1
CONFIG_ERROR = 2
CANNOT_LISTEN = 3
TOKEN_TTL_S = 3600
DURATION = re.compile(r"(\d{1,9})([smhd])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, 1 failure, 2 bad setting or argument, 3 port in use."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ConfigError as error:
        print(f"supportd: {error}", file=sys.stderr)
        return CONFIG_ERROR
    except CannotListen as error:
        print(f"supportd: {error}", file=sys.stderr)
        return CANNOT_LISTEN
    except StorageUnavailable:
        print("supportd: MongoDB can't be reached, or failed meanwhile; it is safe to try again", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="supportd", description="The backend between a support SDK and Intercom.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the server; settings come from the environment")
    serve.set_defaults(run=_serve)
    dev = commands.add_parser("dev", help="run MongoDB, an Intercom simulator and the server, wired to each other")
    dev.add_argument("--var", type=Path, default=Path("var"), help="where data and logs are kept (default: var)")
    dev.set_defaults(run=_dev)
    check = commands.add_parser("check", help="connect to everything that the settings name, and say what is wrong")
    check.add_argument("--json", action="store_true", help="for programs: one JSON object")
    check.set_defaults(run=_check)
    token = commands.add_parser("token", help="print a session token for a user, signed with JWT_SECRET")
    token.add_argument("--user", required=True, help="the user's id")
    token.add_argument("--ttl", type=int, default=TOKEN_TTL_S, help="seconds until it expires (default: 3600)")
    token.set_defaults(run=_token)
    events = commands.add_parser("events", help="Intercom's webhooks as they were stored; they are kept for 30 days")
    replay = events.add_subparsers(required=True, metavar="ACTION").add_parser(
        "replay", help="have them processed again, by the running server or at its next start"
    )
    replay.add_argument(
        "--since", type=_moment, required=True, help="of those received since then: 2h, 30m, or 2026-01-31T12:00:00Z"
    )
    replay.add_argument("--dry-run", action="store_true", help="only say how many there are")
    replay.set_defaults(run=_replay)
    return parser


def _moment(text: str) -> datetime:
    """A time in the past: so long ago (s, m, h, d), or as ISO 8601 has it, in UTC unless it says otherwise."""
    now = datetime.now(UTC)
    try:
        ago = DURATION.fullmatch(text)
        found = now - timedelta(**{UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"must be as long ago as 2h, or a time as 2026-01-31T12:00:00Z, not {text!r}"
        ) from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found > now:
        raise argparse.ArgumentTypeError(f"must be in the past, not {text!r}")
    return found


def _serve(_: argparse.Namespace) -> int:
    from supportd.server import serve  # noqa: PLC0415 - the other commands start without it

    settings = Settings.from_environ(os.environ)
    _allow_many_connections()
    logs.configure(level=settings.log_level, fmt=settings.log_format)
    loop.run(serve(settings))
    return 0


def _allow_many_connections() -> None:
    """Raises the soft limit of open files to the hard one: a connection is a file, and 1,024 is the usual limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _dev(arguments: argparse.Namespace) -> int:
    from supportd.dev.demo import main as demo  # noqa: PLC0415 - a developer's tool, not for production

    return demo(arguments.var)


def _check(arguments: argparse.Namespace) -> int:
    from supportd.check import report  # noqa: PLC0415 - the other commands start without it

    logs.configure(level="critical", fmt="console", stream=sys.stderr)  # what is wrong is said by the findings
    findings = asyncio.run(report.check(os.environ, clock=Clock()))
    print(report.as_json(findings) if arguments.json else report.as_text(findings))
    return 0 if report.all_is_well(findings) else FAILED


def _token(arguments: argparse.Namespace) -> int:
    try:
        key = secret(os.environ.get("JWT_SECRET", ""))
    except ValueError as error:
        raise ConfigError(f"JWT_SECRET {error}") from None
    claims: dict[str, object] = {"userId": arguments.user, "exp": int(time.time()) + arguments.ttl}
    for claim in ("iss", "aud"):
        value = os.environ.get({"iss": "JWT_ISSUER", "aud": "JWT_AUDIENCE"}[claim])
        if value:
            claims[claim] = value
    print(jwt.encode(claims, key, algorithm=ALGORITHM))
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    settings = Settings.from_environ(os.environ)
    logs.configure(level="error", fmt="console", stream=sys.stderr)
    count = asyncio.run(_undo_events(settings, arguments.since, dry_run=arguments.dry_run))
    print(f"{count} events {'would' if arguments.dry_run else 'will'} be processed again")
    return 0


async def _undo_events(settings: Settings, since: datetime, *, dry_run: bool) -> int:
    with closing(mongo.connect(settings.mongo_uri)) as client:
        events = Stores(client[settings.mongo_db]).webhook_events
        until = datetime.now(UTC)
        return await (events.count_done if dry_run else events.undo)(since=since, until=until)
