"""What the simulator is told at its start."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class ConfigError(Exception):
    """A setting is missing; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Settings of one simulator. Times are seconds; `port` 0 takes a free one; without `state_path` nothing is kept.

    `known_attributes` are the contacts' custom attributes that exist; it matters while `strict_attributes` is on.
    `more_access_tokens` are those of further apps of the workspace. `api_url` is where supportd is, for the demo
    and its pages; `jwt_secret` signs their users' sessions, none without it.
    """

    access_token: str
    client_secret: str
    admin_id: str
    more_access_tokens: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    state_path: Path | None = None
    seed: int = 1
    app_id: str = "simapp01"
    known_attributes: frozenset[str] = frozenset()
    webhook_timeout_s: float = 5.0
    webhook_retry_s: float = 60.0
    api_url: str = ""
    jwt_secret: str = ""


def from_command_line(arguments: Sequence[str] | None = None) -> SimulatorConfig:
    """Reads the arguments and the credentials in the environment. Raises `ConfigError` for a missing one."""
    options = _parser().parse_args(arguments)
    return SimulatorConfig(
        access_token=_required("INTERCOM_ACCESS_TOKEN"),
        client_secret=_required("INTERCOM_CLIENT_SECRET"),
        admin_id=_required("INTERCOM_ADMIN_ID"),
        host=options.host,
        port=options.port,
        state_path=options.state,
        seed=options.seed,
        known_attributes=frozenset(options.known_attribute),
        webhook_retry_s=options.webhook_retry,
        api_url=options.api_url,
        jwt_secret=os.environ.get("JWT_SECRET", ""),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m supportd.simulator", description="A stand-in for Intercom.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=41180, help="port to listen on; 0 takes a free one")
    parser.add_argument("--state", type=Path, help="file that keeps the state between runs")
    parser.add_argument("--seed", type=int, default=1, help="makes ids and chance repeatable")
    parser.add_argument("--api-url", default="", metavar="URL", help="where supportd is, for the demo's pages")
    parser.add_argument(
        "--webhook-retry", type=float, default=60.0, metavar="SECONDS", help="wait before a webhook's one retry"
    )
    parser.add_argument(
        "--known-attribute",
        action="append",
        default=[],
        metavar="NAME",
        help="custom attribute of contacts; repeatable",
    )
    return parser


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        message = f"{name} is not set: the simulator needs the same value as supportd"
        raise ConfigError(message)
    return value
