"""Intercom: the token, the teammate, the permissions, the tags, and the clocks. Nothing is changed there."""

from supportd.check.finding import Finding, Verdict, ok, unknown, wrong
from supportd.clock import Clock
from supportd.config import Settings
from supportd.conversations.state import is_csat_tag
from supportd.errors import IntercomRefused, IntercomUnavailable
from supportd.intercom.breaker import Breaker
from supportd.intercom.budget import Budget
from supportd.intercom.clock import IntercomClock
from supportd.intercom.inspection import READ_TAGS, WRITE_TAGS, Inspection, Me, Probe, probes
from supportd.intercom.transport import Reply, Transport
from supportd.metrics import Metrics

TOKEN, ADMIN, TAGS = "intercom.token", "intercom.admin", "intercom.csat_tags"
CLOCK = "clock"
CSAT_TAGS = 6  # `csat`, and one for each number of stars
MOST_OFF_S = 60
IN_HUB = "see the app's Authentication page in Intercom's Developer Hub"


async def check_intercom(settings: Settings, clock: Clock) -> list[Finding]:
    """A finding for each of them. Where the token doesn't hold, the rest can't be told."""
    transport = Transport(
        base_url=settings.intercom_base_url,
        access_token=settings.intercom_access_token,
        timeout_s=settings.intercom_timeout,
        breaker=Breaker(clock=clock),
        budget=Budget(per_minute=settings.intercom_rate_per_minute, clock=clock),
        clock=IntercomClock(clock),
        metrics=Metrics("check"),
    )
    try:
        return await _Checks(settings, Inspection(transport=transport), clock).all()
    finally:
        await transport.close()


class _Checks:
    def __init__(self, settings: Settings, inspection: Inspection, clock: Clock) -> None:
        self._settings = settings
        self._inspection = inspection
        self._clock = clock

    async def all(self) -> list[Finding]:
        asked = probes()
        try:
            me = await self._inspection.me()
        except (IntercomRefused, IntercomUnavailable) as error:
            rest = [ADMIN, *map(_name, asked), _permission(READ_TAGS), TAGS, CLOCK]
            return [wrong(TOKEN, self._why(error)), *(unknown(name, "Intercom can't be asked") for name in rest)]
        permissions = [await self._permission(probe) for probe in asked]
        may_write = next(each for each in permissions if each.name == _permission(WRITE_TAGS))
        return [
            _token(me.value),
            await self._admin(),
            *permissions,
            *await self._tags(may_write),
            self._clocks(me),
        ]

    def _why(self, error: IntercomRefused | IntercomUnavailable) -> str:
        if isinstance(error, IntercomUnavailable):
            return f"no answer from INTERCOM_BASE_URL, {self._settings.intercom_base_url} ({error.reason})"
        if error.status == 401:
            return "INTERCOM_ACCESS_TOKEN isn't accepted; or the workspace is in another region, see INTERCOM_BASE_URL"
        return f"Intercom answered {error.status} {error.code}".strip()

    async def _admin(self) -> Finding:
        admin_id = self._settings.intercom_admin_id
        try:
            ids = await self._inspection.admin_ids()
        except (IntercomRefused, IntercomUnavailable) as error:
            return unknown(ADMIN, f"the teammates can't be listed ({_short(error)})")
        if admin_id in ids:
            return ok(ADMIN, "INTERCOM_ADMIN_ID is a teammate")
        return wrong(ADMIN, f"no teammate has the id {admin_id} (INTERCOM_ADMIN_ID); one of {len(ids)} has to")

    async def _permission(self, probe: Probe) -> Finding:
        try:
            allowed = await self._inspection.is_allowed(probe)
        except IntercomUnavailable as error:
            return unknown(_name(probe), f"no answer ({error.reason})")
        if allowed is None:
            return unknown(_name(probe), f"Intercom gave an unexpected answer; {IN_HUB}")
        return ok(_name(probe), "given") if allowed else wrong(_name(probe), f"not given; {IN_HUB}")

    async def _tags(self, may_write: Finding) -> list[Finding]:
        name = _permission(READ_TAGS)
        try:
            tags = await self._inspection.tags()
        except IntercomRefused as refusal:
            told = wrong(name, f"not given ({refusal.status}); {IN_HUB}")
            return [told, unknown(TAGS, "the tags can't be listed")]
        except IntercomUnavailable as error:
            return [unknown(name, f"no answer ({error.reason})"), unknown(TAGS, "the tags can't be listed")]
        return [ok(name, "given"), _csat_tags(sum(map(is_csat_tag, tags)), may_write)]

    def _clocks(self, me: Reply[Me]) -> Finding:
        off_s = round(self._clock.time() - me.observed_at)
        if abs(off_s) > MOST_OFF_S:
            ahead = "ahead of" if off_s > 0 else "behind"
            return wrong(CLOCK, f"this machine's is {abs(off_s)} s {ahead} Intercom's; let chrony or the like set it")
        return ok(CLOCK, f"within {MOST_OFF_S} s of Intercom's")


def _token(me: Me) -> Finding:
    if me.app is None:
        return wrong(TOKEN, "it belongs to no workspace; make a new one on the app's Authentication page")
    where = f", region {me.app.region}" if me.app.region else ""
    return ok(TOKEN, f"of the workspace {me.app.id_code}{where}")


def _csat_tags(there: int, may_write: Finding) -> Finding:
    if there == CSAT_TAGS:
        return ok(TAGS, "all are there")
    if may_write.verdict is Verdict.OK:
        return ok(TAGS, f"{there} of {CSAT_TAGS} are there; the others are made when a rating needs them")
    return Finding(TAGS, may_write.verdict, f"{there} of {CSAT_TAGS} are there, and the others can't be made")


def _name(probe: Probe) -> str:
    return _permission(probe.permission)


def _permission(what: str) -> str:
    return f"intercom.{what}"


def _short(error: IntercomRefused | IntercomUnavailable) -> str:
    return error.reason if isinstance(error, IntercomUnavailable) else str(error.status)
