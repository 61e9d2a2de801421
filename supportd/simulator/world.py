"""The simulated workspace: who and what is in it, by id."""

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.config import SimulatorConfig
from supportd.simulator.errors import ApiError, resource_not_found, user_not_found
from supportd.simulator.ids import Ids
from supportd.simulator.model import Admin, Author, Contact, Conversation
from supportd.simulator.ticket_catalogue import furnish
from supportd.simulator.workspace import Workspace


class World:
    """Finds things, and makes contacts and tags. What happens to conversations is in `actions`."""

    def __init__(self, *, config: SimulatorConfig, clock: ShiftedClock, workspace: Workspace) -> None:
        self._config = config
        self._clock = clock
        self.adopt(workspace)

    def adopt(self, workspace: Workspace) -> None:
        """Holds this workspace from now on."""
        self.workspace = workspace
        self.ids = Ids(seed=self._config.seed, workspace=workspace)
        admin_id = self._config.admin_id
        workspace.admins.setdefault(admin_id, Admin(admin_id, "Ada Operator", "ada@example.com"))
        furnish(workspace, self.ids, now=self._clock.seconds())
        self.snoozed = {found.id for found in workspace.conversations.values() if found.state == "snoozed"}
        self.snoozed_tickets = {each.id for each in workspace.tickets.values() if each.snoozed_until is not None}
        self._by_external_id = {each.external_id: each for each in workspace.contacts.values() if each.external_id}

    @property
    def bot(self) -> Author:
        """The author of what nobody in the team wrote."""
        email = f"operator+{self._config.app_id}@intercom.io"
        return Author("bot", "991267999", "Fin", email, from_ai_agent=True)

    @property
    def service_admin(self) -> Admin:
        """The admin whose id supportd and the control API use by default."""
        return self.workspace.admins[self._config.admin_id]

    def conversation(self, conversation_id: str) -> Conversation:
        """A conversation. Raises 404 `not_found` for an unknown one."""
        found = self.workspace.conversations.get(conversation_id)
        if found is None:
            raise resource_not_found()
        return found

    def newest_conversation(self, contact_id: str | None = None) -> Conversation | None:
        """The newest conversation, of a contact where one is named."""
        for conversation in reversed(self.workspace.conversations.values()):
            if contact_id in (None, conversation.contact_id):
                return conversation
        return None

    def admin(self, admin_id: str) -> Admin:
        """An admin. Raises 404 `admin_not_found` for an unknown one."""
        found = self.workspace.admins.get(admin_id)
        if found is None:
            raise ApiError(404, "admin_not_found", "Admin not found")
        return found

    def contact(self, contact_id: str) -> Contact:
        """A contact that isn't archived. Raises 404 "User Not Found"."""
        found = self.workspace.contacts.get(contact_id)
        if found is None or found.archived:
            raise user_not_found()
        return found

    def contact_by_external_id(self, external_id: str) -> Contact | None:
        """The contact with our user id, archived or not."""
        return self._by_external_id.get(external_id)

    def user_by_email(self, email: str) -> Contact | None:
        """The user with an email address, archived or not; leads may share one."""
        users = (each for each in self.workspace.contacts.values() if each.role == "user")
        return next((each for each in users if each.email == email), None)

    def require_free(self, *, external_id: str | None, email: str | None, role: str, but: str | None = None) -> None:
        """Raises 409 `conflict`, worded as Intercom does, where another contact has these details."""
        taken = self.contact_by_external_id(external_id) if external_id else None
        if (taken is None or taken.id == but) and email and role == "user":
            taken = self.user_by_email(email)
        if taken is None or taken.id == but:
            return
        kind = "An archived contact" if taken.archived else "A contact"
        raise ApiError(409, "conflict", f"{kind} matching those details already exists with id={taken.id}")

    def add_contact(
        self, *, external_id: str | None, role: str = "user", email: str | None = None, name: str | None = None
    ) -> Contact:
        """Makes a contact. Raises 409 where one like it exists."""
        self.require_free(external_id=external_id, email=email, role=role)
        now = self._clock.seconds()
        contact = Contact(
            id=self.ids.contact(),
            external_id=external_id,
            role=role,
            email=email,
            phone=None,
            name=name,
            created_at=now,
            updated_at=now,
        )
        self.workspace.contacts[contact.id] = contact
        self.set_external_id(contact, external_id)
        return contact

    def set_external_id(self, contact: Contact, external_id: str | None) -> None:
        """Gives a contact our user id, which nobody else has (see `require_free`)."""
        if contact.external_id:
            self._by_external_id.pop(contact.external_id, None)
        contact.external_id = external_id
        if external_id:
            self._by_external_id[external_id] = contact

    def tag_id(self, name: str) -> str:
        """The id of a tag, made if it doesn't exist; names are case-insensitive."""
        for tag_id, known in self.workspace.tags.items():
            if known.casefold() == name.casefold():
                return tag_id
        tag_id = self.ids.number("tag")
        self.workspace.tags[tag_id] = name
        return tag_id


def contact_author(contact: Contact) -> Author:
    """A contact as the author of a part."""
    return Author(contact.role, contact.id, contact.name, contact.email or "")


def admin_author(admin: Admin) -> Author:
    """An admin as the author of a part."""
    return Author("admin", admin.id, admin.name, admin.email)
