"""The command line: arguments in, exit codes out."""

import argparse
import asyncio
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jwt

from supportd import __version__, logs
from supportd.config import Settings, secret
from supportd.errors import CannotListen, ConfigError
from supportd.identity import ALGORITHM

CONFIG_ERROR = 2
CANNOT_LISTEN = 3
TOKEN_TTL_S = 3600


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, 1 after a failure, 2 for a bad setting, 3 for a port in use."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ConfigError as error:
        print(f"supportd: {error}", file=sys.stderr)
        return CONFIG_ERROR
    except CannotListen as error:
        print(f"supportd: {error}", file=sys.stderr)
        return CANNOT_LISTEN
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
    token = commands.add_parser("token", help="print a session token for a user, signed with JWT_SECRET")
    token.add_argument("--user", required=True, help="the user's id")
    token.add_argument("--ttl", type=int, default=TOKEN_TTL_S, help="seconds until it expires (default: 3600)")
    token.set_defaults(run=_token)
    return parser


def _serve(_: argparse.Namespace) -> int:
    from supportd.server import serve  # noqa: PLC0415 - the other commands start without it

    settings = Settings.from_environ(os.environ)
    _allow_many_connections()
    logs.configure(level=settings.log_level, fmt=settings.log_format)
    asyncio.run(serve(settings))
    return 0


def _allow_many_connections() -> None:
    """Raises the soft limit of open files to the hard one: a connection is a file, and 1,024 is the usual limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _dev(arguments: argparse.Namespace) -> int:
    from supportd.dev.demo import main as demo  # noqa: PLC0415 - a developer's tool, not for production

    return demo(arguments.var)


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
