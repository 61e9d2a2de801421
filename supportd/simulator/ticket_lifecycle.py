"""What moves a ticket between its states, between open, snoozed and closed, and between teammates."""

from supportd.simulator import richtext
from supportd.simulator.errors import ApiError, invalid
from supportd.simulator.model import Author, Reference
from supportd.simulator.ticket_book import TicketBook
from supportd.simulator.ticket_model import NOBODY, Ticket, TicketState
from supportd.simulator.ticket_recording import TicketRecorder
from supportd.simulator.world import World


class TicketLifecycle:
    """Actions of the contract, part 5.5. An actor is an admin, or the bot where none is named."""

    def __init__(self, *, world: World, book: TicketBook, recorder: TicketRecorder) -> None:
        self._world = world
        self._book = book
        self._recorder = recorder

    def enter(self, ticket: Ticket, state: TicketState, actor: Author, *, via_api: bool = False) -> None:
        """Moves to a state; the one it is in changes nothing. A resolved ticket isn't closed by that."""
        if state.id == ticket.state_id:
            return
        previous = self._book.state_of(ticket)
        ticket.state_id = state.id
        part = self._recorder.part(ticket, "ticket_state_updated_by_admin", actor, via_api=via_api)
        part.ticket_state, part.previous_ticket_state = state.category, previous.category
        topics = ["ticket.state.updated"]
        if state.category == "resolved":
            topics.append("ticket.resolved")
        self._recorder.announce(ticket, part, *topics)

    def close(self, ticket: Ticket, actor: Author) -> None:
        """Closes, which also resolves and ends a snooze; parts `close` and the state's, as seen in live webhooks."""
        if not ticket.open:
            return
        ticket.open = False
        self._end_snooze(ticket)
        closing = self._recorder.part(ticket, "close", actor)
        states = self._book.states_of(self._book.type_of(ticket))
        resolved = next((each for each in states if each.category == "resolved"), None)
        if resolved is not None and self._book.state_of(ticket).category != "resolved":
            self.enter(ticket, resolved, actor)
        self._recorder.announce(ticket, closing, "ticket.closed")

    def open(self, ticket: Ticket, actor: Author) -> None:
        """Opens again what is closed, whatever its state. Intercom has no topic for it."""
        if ticket.open:
            return
        ticket.open = True
        part = self._recorder.part(ticket, "open", actor)
        self._recorder.announce(ticket, part)

    def snooze(self, ticket: Ticket, actor: Author, *, until: int) -> None:
        """Snoozes until a time (s). Raises 400 for a time that has passed. No topic before 2.16."""
        self.require_future(until)
        ticket.snoozed_until = until
        self._world.snoozed_tickets.add(ticket.id)
        part = self._recorder.part(ticket, "snoozed", actor)
        self._recorder.announce(ticket, part)

    def require_future(self, until: int) -> None:
        """Raises 400 for a time (s) that has passed."""
        if until <= self._recorder.now:
            raise invalid("snoozed_until must be in the future", field="snoozed_until")

    def wake_due(self) -> None:
        """Ends each snooze whose time has come."""
        now = self._recorder.now
        for ticket_id in sorted(self._world.snoozed_tickets):
            ticket = self._world.workspace.tickets[ticket_id]
            if (ticket.snoozed_until or 0) <= now:
                self._end_snooze(ticket)
                part = self._recorder.part(ticket, "timer_unsnooze", self._world.bot)
                self._recorder.announce(ticket, part)

    def assign(self, ticket: Ticket, actor: Author, *, admin_id: str, body: str | None = None) -> None:
        """Hands over to an admin, `"0"` to nobody. Raises 404 `assignee_not_found`."""
        self.require_admin(admin_id)
        ticket.admin_assignee_id, ticket.team_assignee_id = admin_id, NOBODY
        to = Reference("nobody_admin", None) if admin_id == NOBODY else Reference("admin", admin_id)
        self._hand_over(ticket, actor, to, body, "ticket.admin.assigned")

    def assign_team(self, ticket: Ticket, actor: Author, *, team_id: str, body: str | None = None) -> None:
        """Hands over to a team, whichever: the simulator keeps no list of them."""
        ticket.admin_assignee_id, ticket.team_assignee_id = NOBODY, team_id
        self._hand_over(ticket, actor, Reference("team", team_id), body, "ticket.team.assigned")

    def require_admin(self, admin_id: str) -> None:
        """Raises 404 `assignee_not_found` for an unknown admin; nobody is known."""
        if admin_id != NOBODY and admin_id not in self._world.workspace.admins:
            raise ApiError(404, "assignee_not_found", "Assignee not found")

    def share(self, ticket: Ticket, *, shared: bool) -> None:
        """Shows it to the customer, or hides it. Intercom has no topic for it."""
        ticket.is_shared = shared
        self._recorder.announce(ticket, None)

    def _hand_over(self, ticket: Ticket, actor: Author, to: Reference, body: str | None, topic: str) -> None:
        html = richtext.from_operator(body) if body else None
        part = self._recorder.part(ticket, "assignment", actor, body=html, assigned_to=to)
        self._recorder.announce(ticket, part, topic)

    def _end_snooze(self, ticket: Ticket) -> None:
        ticket.snoozed_until = None
        self._world.snoozed_tickets.discard(ticket.id)
