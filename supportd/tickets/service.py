"""What a user does with tickets. Every act is the caller's own: another's ticket, or one not shared, is none."""

from typing import NamedTuple

from supportd.conversations.attachments import AttachmentLinks, Home
from supportd.conversations.contacts import ContactBook
from supportd.conversations.enclosures import Draft, Enclosures, Letter, warn_of_lost
from supportd.conversations.lookback import likely_parts
from supportd.conversations.messages import as_typed
from supportd.conversations.paging import read_cursor
from supportd.conversations.presence import Presence
from supportd.conversations.service import Fresh
from supportd.conversations.state import Message
from supportd.errors import IntercomNotFound, NotFound
from supportd.idempotency import Attempt
from supportd.identity import Identity
from supportd.intercom import wire_tickets as wire
from supportd.intercom.budget import Priority
from supportd.intercom.tickets import TicketClient
from supportd.stores.contacts import Contact
from supportd.stores.idempotency import Intent
from supportd.tasks import KeyedLocks
from supportd.tickets import views
from supportd.tickets.keeper import TicketKeeper
from supportd.tickets.listing import TicketListing
from supportd.tickets.references import References, Wanted
from supportd.tickets.reopening import Reopening
from supportd.tickets.state import StateName, TicketState


class Sent(NamedTuple):
    """A message that was sent, and the ticket's state after it."""

    message: Message
    state: StateName


class TicketService:
    """The user's side of tickets."""

    def __init__(
        self,
        *,
        keeper: TicketKeeper,
        contacts: ContactBook,
        listing: TicketListing,
        references: References,
        reopening: Reopening,
        enclosures: Enclosures,
        links: AttachmentLinks,
        presence: Presence,
        client: TicketClient,
    ) -> None:
        self._keeper = keeper
        self._contacts = contacts
        self._listing = listing
        self._references = references
        self._reopening = reopening
        self._enclosures = enclosures
        self._links = links
        self._presence = presence
        self._client = client
        self._sending = KeyedLocks()

    async def find(self, caller: Identity, ticket_id: str) -> TicketState:
        """The caller's ticket, loaded where it must be. Raises `NotFound`, `ServiceUnavailable`."""
        return self._own(await self._contact(caller), await self._keeper.get(ticket_id))

    def reference(self, ticket: TicketState) -> str:
        """The name by which people speak of the ticket."""
        return self._references.of(ticket.number)

    async def list(self, caller: Identity, *, limit: int, cursor: str | None) -> Fresh:
        """A page of the caller's tickets; none, and no contact made, where Intercom knows no such user."""
        return await self._page(caller, Wanted(""), limit=limit, cursor=cursor)

    async def search(self, caller: Identity, typed: str, *, limit: int, cursor: str | None) -> Fresh:
        """A page of those whose reference begins with what was typed; none if no reference begins so."""
        return await self._page(caller, self._references.wanted(typed), limit=limit, cursor=cursor)

    async def show(self, caller: Identity, ticket_id: str) -> Fresh:
        """The whole ticket. Clients that show one ask for it every 20 s."""
        contact = await self._contact(caller)
        self._presence.saw(caller.user_id)
        ticket = self._own(contact, await self._keeper.get(ticket_id))
        return Fresh(
            views.detail(ticket, contact.contact_id, self._references, self._links), self._keeper.age_s(ticket)
        )

    async def reply(self, caller: Identity, ticket_id: str, draft: Draft, attempt: Attempt) -> Sent:
        """Sends a message. A resolved ticket is put back in progress first: if that fails, nothing was sent.

        How the ticket stands is asked of Intercom, since it may have been resolved a moment ago.

        Raises:
            ValidationFailed: one of the files isn't the caller's, or was sent already.
        """
        contact = await self._contact(caller)
        self._own(contact, await self._keeper.get(ticket_id))
        async with self._sending.hold(ticket_id):
            place = Home.TICKET.place(ticket_id)
            async with self._enclosures.claimed(draft, user_id=caller.user_id, to=place, attempt=attempt) as letter:
                ticket, sent_id = await self._deliver(contact, ticket_id, letter, attempt)
        shown = (each.message for each in ticket.parts if each.message.id == sent_id)
        message = next(shown, None) or as_typed(sent_id, draft.body, ticket.latest)
        warn_of_lost(draft, message)
        return Sent(self._links.shown(message, Home.TICKET, ticket_id), ticket.state)

    async def _deliver(
        self, contact: Contact, ticket_id: str, letter: Letter, attempt: Attempt
    ) -> tuple[TicketState, str]:
        told = await self._told(ticket_id)
        ticket = self._own(contact, (await self._keeper.apply(told, letter.files)).after)
        sent_id = await self._sent_before(contact, told, ticket, letter, attempt)
        if sent_id is not None:
            return ticket, sent_id
        if ticket.state == "resolved":
            ticket = (await self._keeper.apply(await self._reopening.reopen(told))).after
        part = await self._send(contact, ticket, letter, attempt)
        return (await self._keeper.apply_reply(ticket, part, letter.files)).after, str(part.id)

    async def _page(self, caller: Identity, wanted: Wanted | None, *, limit: int, cursor: str | None) -> Fresh:
        before = None if cursor is None else read_cursor(cursor)
        contact = await self._contacts.find(caller.user_id)
        if contact is None or wanted is None:
            return Fresh(views.TicketList([], None), 0)
        page = await self._listing.page(contact, number_prefix=wanted.digits, limit=limit, before=before)
        tickets = [views.ticket(ticket, contact.contact_id, self._references) for ticket in page.tickets]
        age_s = max((self._keeper.age_s(ticket) for ticket in page.tickets), default=0)
        return Fresh(views.TicketList(tickets, page.next_cursor), age_s)

    async def _told(self, ticket_id: str) -> wire.Ticket:
        try:
            return await self._client.ticket(ticket_id, priority=Priority.USER_WRITE)
        except IntercomNotFound:
            await self._keeper.refresh(ticket_id, priority=Priority.USER_WRITE)  # so that it is gone from lists too
            raise NotFound from None

    async def _sent_before(
        self, contact: Contact, told: wire.Ticket, ticket: TicketState, letter: Letter, attempt: Attempt
    ) -> str | None:
        """The message's id, if an earlier try sent it and was cut off before it could say so."""
        if attempt.intent is None:
            return None
        new = {part.message.id for part in ticket.parts if part.message.created_at > attempt.intent.after}
        likely = likely_parts(contact.contact_id, told.parts, letter)
        return await attempt.adopt([part_id for part_id in likely if part_id in new])

    async def _send(self, contact: Contact, ticket: TicketState, letter: Letter, attempt: Attempt) -> wire.TicketPart:
        files = self._enclosures.by_address(letter)
        try:
            async with attempt.sending(Intent(target=ticket.id, after=ticket.latest)):
                part = await self._client.reply(ticket.id, contact.contact_id, letter.text, files)
        except IntercomNotFound as refusal:
            gone = await self._keeper.refresh(ticket.id, priority=Priority.USER_WRITE)
            raise (NotFound() if gone is None or gone.after.deleted else refusal) from None
        attempt.sent(str(part.id))
        return part

    async def _contact(self, caller: Identity) -> Contact:
        contact = await self._contacts.find(caller.user_id)
        if contact is None:
            raise NotFound
        return contact

    def _own(self, contact: Contact, ticket: TicketState) -> TicketState:
        if contact.contact_id not in ticket.contact_ids or not ticket.shared:
            raise NotFound
        return ticket
