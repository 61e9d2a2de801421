"""The body of a reply, to a conversation or a ticket (contract, parts 4.4 and 5.6)."""

from msgspec import Struct

from supportd.simulator.attachments import UploadedFile
from supportd.simulator.errors import ApiError, user_not_found
from supportd.simulator.handlers_base import Id
from supportd.simulator.model import Contact
from supportd.simulator.world import World


class ReplyBody(Struct):
    """A reply of a contact, named in one of three ways, or of an admin; or an admin's note."""

    message_type: str = "comment"
    type: str = "user"
    body: str | None = None
    intercom_user_id: Id | None = None
    user_id: Id | None = None
    email: str | None = None
    admin_id: Id | None = None
    attachment_urls: list[str] = []
    attachment_files: list[UploadedFile] = []
    reply_options: list[dict[str, str]] = []
    created_at: int | None = None

    def contact(self, world: World) -> Contact:
        """Who replies; `user_id` is our external id. Raises 404 "User Not Found"."""
        if self.intercom_user_id is not None:
            return world.contact(str(self.intercom_user_id))
        found = None
        if self.user_id is not None:
            found = world.contact_by_external_id(str(self.user_id))
        elif self.email is not None:
            found = world.user_by_email(self.email)
        if found is None or found.archived:
            raise user_not_found()
        return found

    def text(self) -> str:
        """What a contact says, maybe nothing. Raises 400 where it is left out."""
        if self.body is None:
            raise _body_required()
        return self.body

    def words(self) -> str:
        """What a teammate says. Raises 400 where that is nothing."""
        if not self.body:
            raise _body_required()
        return self.body


def _body_required() -> ApiError:
    return ApiError(400, "parameter_not_found", "body is required", field="body")
