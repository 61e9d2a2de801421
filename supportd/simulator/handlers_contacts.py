"""Contacts (contract, part 3)."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from supportd.simulator.errors import ApiError, invalid, user_not_found
from supportd.simulator.handlers_base import ApiHandler
from supportd.simulator.model import Contact
from supportd.simulator.paging import cut
from supportd.simulator.rendering import contact_json
from supportd.simulator.search import Dialect, compile_query
from supportd.simulator.search_index import CONTACT_FIELDS
from supportd.simulator.search_request import SearchBody

DEFAULT_PAGE = 50


class ContactBody(Struct):
    """What can be said of a contact; what is left out stays."""

    role: str | UnsetType = UNSET
    external_id: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    signed_up_at: int | UnsetType | None = UNSET
    last_seen_at: int | UnsetType | None = UNSET
    owner_id: int | UnsetType | None = UNSET
    unsubscribed_from_emails: bool | UnsetType = UNSET
    custom_attributes: dict[str, Any] | UnsetType = UNSET


PLAIN_FIELDS = (
    "role",
    "email",
    "phone",
    "name",
    "signed_up_at",
    "last_seen_at",
    "owner_id",
    "unsubscribed_from_emails",
)


class ContactHandler(ApiHandler):
    """Base of the routes that take or give one contact."""

    def answer_contact(self, contact: Contact) -> None:
        """Answers with it."""
        self.answer(contact_json(contact, self.services.config.app_id))

    def apply(self, contact: Contact, body: ContactBody) -> None:
        """Sets what the body names. Raises 400 for an unknown attribute where the faults ask for that."""
        self._require_known(body)
        for name in PLAIN_FIELDS:
            value = getattr(body, name)
            if value is not UNSET:
                setattr(contact, name, value)
        if body.external_id is not UNSET:
            self.world.set_external_id(contact, body.external_id)
        if body.custom_attributes is not UNSET:
            contact.custom_attributes.update(body.custom_attributes)
        contact.updated_at = self.services.clock.seconds()

    def _require_known(self, body: ContactBody) -> None:
        if body.custom_attributes is UNSET or not self.services.faults.now.strict_attributes:
            return
        for name in body.custom_attributes:
            if name not in self.services.config.known_attributes:
                message = f"Custom attribute '{name}' does not exist"
                raise invalid(message, field="custom_attributes")


class ContactsHandler(ContactHandler):
    """`POST /contacts`."""

    def post(self) -> None:
        """Makes a contact. 409 where one with the same external id, or a user with the same email, exists."""
        body = self.body(ContactBody)
        external_id, email, role = body.external_id or None, body.email or None, body.role or "user"
        if not (body.external_id or body.email or body.role):
            raise ApiError(400, "parameter_not_found", "email, external_id or role is required")
        self._require_known(body)
        contact = self.world.add_contact(external_id=external_id, email=email, role=role)
        self.apply(contact, body)
        self.answer_contact(contact)


class ContactByIdHandler(ContactHandler):
    """`GET` and `PUT /contacts/{id}`."""

    def get(self, contact_id: str) -> None:
        """The contact."""
        self.answer_contact(self.world.contact(contact_id))

    def put(self, contact_id: str) -> None:
        """Changes it; the names of others are refused with 409."""
        contact, body = self.world.contact(contact_id), self.body(ContactBody)
        self.world.require_free(
            external_id=body.external_id or None,
            email=body.email or None,
            role=body.role or contact.role,
            but=contact.id,
        )
        self.apply(contact, body)
        self.answer_contact(contact)


class ContactByExternalIdHandler(ContactHandler):
    """`GET /contacts/find_by_external_id/{id}`: users only, and at once, whatever the search's lag."""

    def get(self, external_id: str) -> None:
        """The user with our id."""
        contact = self.world.contact_by_external_id(external_id)
        if contact is None or contact.archived or contact.role != "user":
            raise user_not_found()
        self.answer_contact(contact)


class ContactArchiveHandler(ApiHandler):
    """`POST /contacts/{id}/archive` and `/unarchive`."""

    def post(self, contact_id: str) -> None:
        """Sets the flag, whatever it was."""
        contact = self.world.workspace.contacts.get(contact_id)
        if contact is None:
            raise user_not_found()
        contact.archived = self.path.endswith("/archive")
        reference = {"type": "contact", "id": contact.id, "external_id": contact.external_id}
        self.answer(reference | {"archived": contact.archived})


class ContactSearchHandler(ApiHandler):
    """`POST /contacts/search`."""

    def post(self) -> None:
        """A page of the contacts that match; dates count by day."""
        body = self.body(SearchBody)
        matches = compile_query(body.query, Dialect(CONTACT_FIELDS, strict=True, by_day=True))
        request = body.page(default_size=DEFAULT_PAGE, fields=CONTACT_FIELDS)
        page = cut([hit for hit in self.services.contact_index.hits() if matches(hit.fields)], request)
        answer = {"type": "list", "data": page.items, "total_count": page.total_count, "pages": page.pages}
        self.answer(answer)
