"""`/me`, `/admins` and the catalogue of tags (contract, parts 2 and 4.9)."""

from msgspec import Struct

from supportd.simulator.annotations import tag_not_found
from supportd.simulator.errors import invalid
from supportd.simulator.handlers_base import ApiHandler, Id
from supportd.simulator.rendering import admin_json, me_json


class MeHandler(ApiHandler):
    """`GET /me`."""

    def get(self) -> None:
        """The admin whom the token belongs to."""
        self.answer(me_json(self.world.service_admin, self.services.config.app_id))


class AdminsHandler(ApiHandler):
    """`GET /admins`."""

    def get(self) -> None:
        """All teammates, on one page."""
        admins = [admin_json(admin) for admin in self.world.workspace.admins.values()]
        self.answer({"type": "admin.list", "admins": admins})


class TagBody(Struct):
    """A tag to make, or with an id to rename."""

    name: str | None = None
    id: Id | None = None


class TagsHandler(ApiHandler):
    """`GET` and `POST /tags`."""

    def get(self) -> None:
        """All tags, on one page."""
        tags = self.world.workspace.tags.items()
        data = [{"type": "tag", "id": tag_id, "name": name} for tag_id, name in tags]
        self.answer({"type": "list", "data": data})

    def post(self) -> None:
        """Makes a tag, or finds the one of that name, or renames."""
        wanted = self.body(TagBody)
        if not wanted.name:
            raise invalid("invalid tag parameters")
        tag_id = self._rename(str(wanted.id), wanted.name) if wanted.id else self.world.tag_id(wanted.name)
        self.answer({"type": "tag", "id": tag_id, "name": self.world.workspace.tags[tag_id]})

    def _rename(self, tag_id: str, name: str) -> str:
        if tag_id not in self.world.workspace.tags:
            raise tag_not_found()
        self.world.workspace.tags[tag_id] = name
        return tag_id
