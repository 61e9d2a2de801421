"""Finds tickets, their types and their states."""

from supportd.simulator.errors import ApiError
from supportd.simulator.ticket_model import Ticket, TicketState, TicketType
from supportd.simulator.world import World


class TicketBook:
    """Look-ups in the workspace of the moment."""

    def __init__(self, *, world: World) -> None:
        self._world = world

    def ticket(self, ticket_id: str) -> Ticket:
        """A ticket by `id`. Raises 404 `ticket_not_found` for an unknown one."""
        found = self._world.workspace.tickets.get(ticket_id)
        if found is None:
            raise ticket_not_found()
        return found

    def newest(self) -> Ticket | None:
        """The ticket made last."""
        return next(reversed(self._world.workspace.tickets.values()), None)

    def type(self, type_id: str) -> TicketType:
        """A type by id. Raises 404 `not_found` for an unknown one."""
        found = self._world.workspace.ticket_types.get(type_id)
        if found is None:
            raise ApiError(404, "not_found", "Ticket type not found")
        return found

    def type_called(self, name: str) -> TicketType | None:
        """A type by id, or the first of a category."""
        types = self._world.workspace.ticket_types.values()
        return next((each for each in types if name in (each.id, each.category)), None)

    def type_of(self, ticket: Ticket) -> TicketType:
        """The type of a ticket."""
        return self._world.workspace.ticket_types[ticket.type_id]

    def state_of(self, ticket: Ticket) -> TicketState:
        """The state that a ticket is in."""
        return self._world.workspace.ticket_states[ticket.state_id]

    def states_of(self, kind: TicketType) -> list[TicketState]:
        """The states that a type's tickets can be in."""
        return [self._world.workspace.ticket_states[each] for each in kind.state_ids]

    def state_called(self, ticket: Ticket, name: str) -> TicketState | None:
        """A state that the ticket can be in, by id, or the first of a category."""
        states = self.states_of(self.type_of(ticket))
        return next((each for each in states if name in (each.id, each.category)), None)

    def state_by_id(self, ticket: Ticket, state_id: str) -> TicketState:
        """A state that the ticket can be in. Raises 400 `ticket_state_id_invalid` for another."""
        found = next((each for each in self.states_of(self.type_of(ticket)) if each.id == state_id), None)
        if found is None:
            text = "Ticket state id is not valid or is not associated with the ticket type"
            raise ApiError(400, "ticket_state_id_invalid", text)
        return found


def ticket_not_found() -> ApiError:
    """An unknown ticket."""
    return ApiError(404, "ticket_not_found", "Ticket not found")
