"""Which devices are told what: decided from what waits, what is shown and who listens. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from supportd.push.audience import Listener
from supportd.push.stories import Line, Story
from supportd.stores.devices import Device
from supportd.stores.pushes import Push

# A device isn't told what was said so long (ms) before it was registered: its app was started since, and shows it.
BEFORE_REGISTERED_MS = 60_000
MAX_SILENT_MS = 270 * 86_400_000  # a device that wasn't seen for so long is gone, whether or not it was dropped yet


@dataclass(frozen=True)
class Dispatch:
    """One device that is told one line. Past `expires_at` (ms) it isn't."""

    user_id: str
    device: Device
    line: Line
    expires_at: int


@dataclass
class Plan:
    """Who is told now, who could be and isn't, and what each device then counts as told."""

    dispatches: list[Dispatch] = field(default_factory=list)
    withheld: list[Listener] = field(default_factory=list)
    told: dict[str, tuple[str, ...]] = field(default_factory=dict)


def plan(push: Push, story: Story, listeners: Iterable[Listener], *, now: int) -> Plan:
    """Each device is told the newest line that it wasn't told before, and counts as told all of them."""
    made = Plan(told=dict(push.told))
    news = {each.id: each for each in push.news}
    shown = tuple(line.id for line in story.lines)
    for listener in listeners:
        missed = []
        for device in listener.devices:
            known = made.told.get(device.mark, ())
            since = max(_seen_at(device) - BEFORE_REGISTERED_MS, 0)
            unread = [line for line in story.lines if line.at > story.read.get(listener.contact_id, 0)]
            untold = [line for line in unread if line.id not in known and news[line.id].said_at >= since]
            if shown:
                made.told[device.mark] = tuple(dict.fromkeys((*known, *shown)))
            if untold and now - _seen_at(device) < MAX_SILENT_MS:
                newest = untold[-1]
                missed.append(Dispatch(listener.user_id, device, newest, news[newest.id].expires_at))
        if missed and listener.withheld is not None:
            made.withheld.append(listener)
        else:
            made.dispatches += missed
    return made


def _seen_at(device: Device) -> int:
    return int(device.registered_at.timestamp() * 1000)
