"""Whatever happens to webhooks of tickets on their way, what is known ends as what Intercom has."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from supportd.intercom import wire, wire_tickets
from supportd.tickets.projection import STATES, project
from supportd.tickets.state import TicketState, decode, encode

BEGAN = 1_700_000_000
PAGE = 5  # as Intercom's 500, so that long tickets are tried too

Happening = tuple[str, int]

happenings = st.lists(
    st.tuples(st.sampled_from(["user", "admin", "bot", "note", *STATES]), st.integers(0, 2)), max_size=12
)


@dataclass
class Intercom:
    """As much of Intercom as one ticket needs."""

    now: int = BEGAN
    state: str = "submitted"
    parts: list[wire_tickets.TicketPart] = field(default_factory=list)

    def act(self, what: str, seconds: int) -> wire_tickets.Ticket:
        """Something happens; answers the ticket as a webhook tells it."""
        self.now += seconds
        part = wire_tickets.TicketPart(id=str(len(self.parts) + 1), created_at=self.now)
        if what in STATES:
            part.part_type = "ticket_state_updated_by_admin"
            part.previous_ticket_state, part.ticket_state = self.state, what
            self.state = what
        else:
            part.part_type = "note" if what == "note" else "comment"
            part.body = f"<p>words {part.id}</p>"
            part.author = wire.Author(type="admin" if what == "note" else what, id="1")
        self.parts.append(part)
        return self.told()

    def told(self) -> wire_tickets.Ticket:
        return wire_tickets.Ticket(
            id="626",
            created_at=BEGAN,
            updated_at=self.now,
            is_shared=True,
            ticket_state=wire_tickets.TicketState(category=self.state),
            contacts=wire.ContactList([wire.ContactRef("c1")]),
            ticket_parts=wire_tickets.TicketPartList(self.parts[-PAGE:], len(self.parts)),
        )

    def visible(self) -> list[str]:
        return [str(part.id) for part in self.parts if part.part_type == "comment"]

    def states(self) -> list[str]:
        states = ["submitted"]
        for part in self.parts:
            state = STATES.get(part.ticket_state or "")
            if state is not None and state != states[-1]:
                states.append(state)
        return states


def after(ticket: TicketState | None, told: wire_tickets.Ticket) -> TicketState:
    """The next state, as it comes back from its snapshot."""
    decoded = decode(encode(project(ticket, told, heard_at=0).ticket))
    assert decoded is not None
    return decoded


@given(happenings, st.data())
def test_whatever_becomes_of_webhooks_the_end_is_what_intercom_has(life: list[Happening], data: st.DataObject) -> None:
    intercom = Intercom()
    sent = [intercom.told(), *(intercom.act(what, seconds) for what, seconds in life)]
    arrived = data.draw(st.lists(st.sampled_from(sent), max_size=2 * len(sent)))
    if len(intercom.parts) > PAGE:
        arrived = sorted(arrived, key=lambda told: told.updated_at) if data.draw(st.booleans()) else sent + arrived
    ticket = None
    for told in [*arrived, intercom.told()]:
        ticket = after(ticket, told)
    assert ticket is not None
    assert ticket.state == STATES[intercom.state]
    shown = [part.message.id for part in ticket.parts]
    assert len(shown) == len(set(shown))
    newest = {str(part.id) for part in intercom.parts[-PAGE:]}
    assert [id_ for id_ in intercom.visible() if id_ in newest] == [
        id_ for id_ in intercom.visible() if id_ in set(shown) & newest
    ]


@given(happenings)
def test_nothing_is_lost_of_a_ticket_that_is_heard_of_all_along(life: list[Happening]) -> None:
    intercom = Intercom()
    ticket = after(None, intercom.told())
    for what, seconds in life:
        ticket = after(ticket, intercom.act(what, seconds))
    assert [part.message.id for part in ticket.parts] == intercom.visible()
    assert [step.state for step in ticket.timeline()] == intercom.states()


@given(happenings, st.data())
def test_a_message_keeps_its_place_and_no_two_share_one(life: list[Happening], data: st.DataObject) -> None:
    intercom = Intercom()
    sent = [intercom.told(), *(intercom.act(what, seconds) for what, seconds in life)]
    places: dict[str, int] = {}
    ticket = None
    for told in data.draw(st.permutations(sent)):
        ticket = after(ticket, told)
        for part in ticket.parts:
            assert places.setdefault(part.message.id, part.message.created_at) == part.message.created_at
    assert len(set(places.values())) == len(places)
