"""Calls that change nothing, by which `supportd check` finds out what a token is good for."""

from typing import Any, NamedTuple

from msgspec import Struct

from supportd.errors import IntercomRefused
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.transport import Reply, Transport

NOBODY = "supportd-check"  # as a user's id: one that there isn't
NOTHING = "0"  # as an id of Intercom's

# Intercom answers so to a call that it let through, but that was about nothing. 401 and 403 mean that it didn't.
LET_THROUGH = frozenset({400, 404, 422})
NOT_ALLOWED = frozenset({401, 403})


class App(Struct):
    """The workspace that a token belongs to."""

    id_code: str = ""
    name: str | None = None
    region: str | None = None


class Me(Struct):
    """Who the token is (`GET /me`)."""

    id: wire.Id | None = None
    app: App | None = None


class AdminRef(Struct):
    """A teammate."""

    id: wire.Id


class AdminList(Struct):
    """All teammates."""

    admins: list[AdminRef] = []


class TagNames(Struct):
    """The workspace's tags."""

    data: list[wire.Tag] = []


class Probe(NamedTuple):
    """A call that needs a permission and changes nothing: it reads, or writes nothing to what isn't there."""

    permission: str
    method: str
    path: str
    body: dict[str, Any] | None = None


def _search(field: str) -> dict[str, Any]:
    return {"query": {"field": field, "operator": ">", "value": 0}, "pagination": {"per_page": 1}}


READ_TAGS = "read_tags"
WRITE_TAGS = "write_tags"


def probes() -> list[Probe]:
    """One for each permission that the README asks for, but for reading tags, which are read anyway."""
    return [
        Probe("read_users", "GET", f"/contacts/find_by_external_id/{NOBODY}"),
        Probe("write_users", "PUT", f"/contacts/{NOTHING}", {}),
        Probe("read_conversations", "POST", "/conversations/search", _search("updated_at")),
        Probe("write_conversations", "POST", f"/conversations/{NOTHING}/reply", {}),
        Probe("read_tickets", "POST", "/tickets/search", _search("updated_at")),
        Probe("write_tickets", "PUT", f"/tickets/{NOTHING}", {}),
        Probe(WRITE_TAGS, "POST", "/tags", {}),
    ]


class Inspection:
    """The calls. Each raises `IntercomUnavailable`; but for `is_allowed`, `IntercomRefused` too."""

    def __init__(self, *, transport: Transport) -> None:
        self._transport = transport

    async def me(self) -> Reply[Me]:
        """Who the token is, and Intercom's time."""
        return await self._get("me", "/me", Me)

    async def admin_ids(self) -> set[str]:
        """The teammates' ids."""
        return {str(admin.id) for admin in (await self._get("admins", "/admins", AdminList)).value.admins}

    async def tags(self) -> set[str]:
        """The names of the tags, in lower case: Intercom takes no notice of case in them."""
        found = await self._get("tags", "/tags", TagNames)
        return {tag.name.lower() for tag in found.value.data if tag.name}

    async def is_allowed(self, probe: Probe) -> bool | None:
        """Whether the token has the permission; None where the answer leaves that open."""
        try:
            await self._transport.call(
                "probe", probe.method, probe.path, probe.body, kind=wire.Acknowledgement, priority=Priority.COLD_LOAD
            )
        except IntercomRefused as refusal:
            if refusal.status in NOT_ALLOWED:
                return False
            return True if refusal.status in LET_THROUGH else None
        return True

    async def _get(self, operation: str, path: str, kind: Any) -> Reply[Any]:
        return await self._transport.call(operation, "GET", path, kind=kind, priority=Priority.COLD_LOAD)
