"""Whether `INTERCOM_CLIENT_SECRET` is the app's: Intercom's API doesn't tell, the counts of a running supportd do."""

import asyncio
import re
import urllib.error
import urllib.request

from supportd.check.finding import Finding, ok, unknown, wrong
from supportd.config import Settings
from supportd.metrics import Receipt

NAME = "webhook.secret"
TIMEOUT_S = 2
COUNTED = re.compile(r'^supportd_webhooks_total\{outcome="([a-z_]+)"\} ([0-9.e+]+)$', re.MULTILINE)
SEND_ONE = "send a test from the app's Webhooks page, and check again"


async def check_webhooks(settings: Settings) -> list[Finding]:
    """One finding, by the webhooks that came since supportd started."""
    counts = await asyncio.to_thread(_counted, settings)
    if counts is None:
        return [unknown(NAME, f"only a supportd that runs can tell: start it, {SEND_ONE}")]
    refused = counts.get(Receipt.BAD_SIGNATURE, 0)
    signed = sum(counts.values()) - refused
    if signed:
        return [ok(NAME, f"webhooks since supportd started: {signed} signed with it, {refused} not")]
    if refused:
        return [
            wrong(NAME, "INTERCOM_CLIENT_SECRET isn't the app's: none of the webhooks that came was signed with it")
        ]
    return [unknown(NAME, f"no webhook came since supportd started: {SEND_ONE}")]


def _counted(settings: Settings) -> dict[str, int] | None:
    """How many webhooks ended how; None where no supportd runs."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{settings.metrics_host}:{settings.metrics_port}/metrics", timeout=TIMEOUT_S) as told:
            text = told.read().decode(errors="replace")
    except (OSError, urllib.error.URLError, ValueError):
        return None
    return {outcome: int(float(count)) for outcome, count in COUNTED.findall(text)} or None
