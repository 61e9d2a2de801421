"""The simulator's parts for tickets, put together."""

from dataclasses import dataclass

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.config import SimulatorConfig
from supportd.simulator.faults import Faults
from supportd.simulator.notifications import Outlet
from supportd.simulator.ticket_annotations import TicketAnnotations
from supportd.simulator.ticket_book import TicketBook
from supportd.simulator.ticket_index import TicketIndex
from supportd.simulator.ticket_lifecycle import TicketLifecycle
from supportd.simulator.ticket_messages import TicketMessages
from supportd.simulator.ticket_notifications import TicketNotifier
from supportd.simulator.ticket_recording import TicketRecorder
from supportd.simulator.ticket_rendering import TicketRenderer
from supportd.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketServices:
    """One of each."""

    book: TicketBook
    renderer: TicketRenderer
    index: TicketIndex
    messages: TicketMessages
    lifecycle: TicketLifecycle
    annotations: TicketAnnotations


def ticket_services(
    *, config: SimulatorConfig, world: World, clock: ShiftedClock, faults: Faults, outlet: Outlet
) -> TicketServices:
    """Builds the parts around a world."""
    book = TicketBook(world=world)
    renderer = TicketRenderer(world=world, book=book, app_id=config.app_id)
    index = TicketIndex(world=world, book=book, renderer=renderer, clock=clock, faults=faults)
    notifier = TicketNotifier(world=world, renderer=renderer, faults=faults, outlet=outlet)
    recorder = TicketRecorder(world=world, clock=clock, listeners=[index, notifier])
    return TicketServices(
        book=book,
        renderer=renderer,
        index=index,
        messages=TicketMessages(world=world, book=book, recorder=recorder),
        lifecycle=TicketLifecycle(world=world, book=book, recorder=recorder),
        annotations=TicketAnnotations(world=world, book=book, recorder=recorder),
    )
