"""`/ticket_types` and `/ticket_states` (contract, parts 5.1 and 5.2)."""

from supportd.simulator.handlers_base import ApiHandler


class TicketTypesHandler(ApiHandler):
    """`GET /ticket_types`."""

    def get(self) -> None:
        """All types with their states, on one page."""
        renderer = self.services.tickets.renderer
        data = [renderer.type_with_states(each) for each in self.world.workspace.ticket_types.values()]
        self.answer({"type": "list", "data": data})


class TicketStatesHandler(ApiHandler):
    """`GET /ticket_states`."""

    def get(self) -> None:
        """All states with the types that have them, on one page."""
        renderer = self.services.tickets.renderer
        data = [renderer.state_with_types(each) for each in self.world.workspace.ticket_states.values()]
        self.answer({"type": "list", "data": data})
