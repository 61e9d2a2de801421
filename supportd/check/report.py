"""All the checks, one after the other, and how they are told."""

from collections.abc import Mapping, Sequence

import msgspec

from supportd.check.files import check_files
from supportd.check.finding import Finding, Verdict, ok, unknown, wrong
from supportd.check.intercom import check_intercom
from supportd.check.mongodb import check_mongodb
from supportd.check.push import check_push
from supportd.check.webhooks import check_webhooks
from supportd.clock import Clock
from supportd.config import Settings
from supportd.errors import ConfigError
from supportd.push.service_account import service_account

CONFIGURATION, PUBLIC_URL = "configuration", "public_url"


async def check(environ: Mapping[str, str], *, clock: Clock) -> list[Finding]:
    """What there is to say of the settings and of everything that they name. Never a secret."""
    try:
        settings = Settings.from_environ(environ)
        if settings.fcm_service_account is not None:
            service_account(settings.fcm_service_account)
    except ConfigError as error:
        return [wrong(CONFIGURATION, str(error))]
    return [
        ok(CONFIGURATION, "all that is required is set"),
        _public_url(settings),
        *await check_mongodb(settings),
        *await check_intercom(settings, clock),
        *await check_webhooks(settings),
        *await check_files(settings),
        *await check_push(settings, clock),
    ]


def all_is_well(findings: Sequence[Finding]) -> bool:
    """Whether nothing is wrong. What can't be told isn't held against anybody."""
    return all(each.verdict is not Verdict.WRONG for each in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """A line each."""
    width = max(len(each.name) for each in findings)
    return "\n".join(f"{each.name:<{width}}  {each.verdict}: {each.says}" for each in findings)


def as_json(findings: Sequence[Finding]) -> str:
    """One object, for programs."""
    return msgspec.json.encode({"ok": all_is_well(findings), "checks": findings}).decode()


def _public_url(settings: Settings) -> Finding:
    if settings.public_url is None:
        return unknown(PUBLIC_URL, f"it isn't set, so links to files begin with {settings.public_address}")
    return ok(PUBLIC_URL, f"{settings.public_url}; whether Intercom reaches it can't be seen from here")
