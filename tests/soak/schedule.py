"""The faults of a soak, made up front from a seed: the same seed and length make the same schedule."""

import enum
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


class Part(enum.Enum):
    """What a fault befalls."""

    SUPPORTD = "supportd"
    MONGODB = "mongod"
    TO_MONGODB = "the network to MongoDB"
    TO_INTERCOM = "the network to Intercom"
    TO_SUPPORTD = "the network to supportd"
    TO_FCM = "the network to FCM"
    INTERCOM = "Intercom"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True)
class Fault:
    """What goes wrong, from when on and for how long, in seconds since the start.

    `kind` names what is done to a process or a network; `switches` are the simulator's, with their values meanwhile.
    """

    at_s: float
    part: Part
    kind: str
    for_s: float = 0.0
    switches: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        switched = ", ".join(f"{name}={value}" for name, value in self.switches.items())
        details = f" ({switched})" if switched else ""
        lasting = f" for {self.for_s:.1f} s" if self.for_s else ""
        return f"t={self.at_s:.1f} s: {self.part.value} {self.kind}{details}{lasting}"


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how often it is chosen, for how long at most (s), and the switches it sets."""

    name: str
    weight: int
    longest_s: float = 0.0
    switches: Callable[[random.Random], Mapping[str, Any]] = lambda _: {}


@dataclass(frozen=True)
class Lane:
    """The faults of one part: they come one after the other, with pauses from `least_s` to `most_s` between them."""

    least_s: float
    most_s: float
    kinds: Sequence[Kind]


def _switch(**values: Any) -> Callable[[random.Random], Mapping[str, Any]]:
    """Each value is as it is, one of a list, or between the two of a pair."""

    def chosen(rng: random.Random, value: Any) -> Any:
        if isinstance(value, list):
            return rng.choice(value)
        return round(rng.uniform(*value), 2) if isinstance(value, tuple) else value

    return lambda rng: {name: chosen(rng, value) for name, value in values.items()}


SHORT_S = 30.0
SHORT_SEEDS = (11, 20, 47)  # between them they have each kind of fault

VERSIONS = ["2.14", "2.15"]  # webhooks of the older one have all that is needed, so that no load puts things right

NETWORK = (Kind("slow", 3, 4.0), Kind("held", 2, 3.0), Kind("cut", 4), Kind("refusing", 2, 2.0))

LANES: Mapping[Part, Lane] = MappingProxyType({
    Part.SUPPORTD: Lane(4, 24, (Kind("killed", 3, 1.0), Kind("terminated", 2, 0.5))),
    Part.MONGODB: Lane(8, 18, (Kind("killed", 3, 2.5), Kind("stopped", 1, 2.0))),
    Part.TO_MONGODB: Lane(6, 14, NETWORK),
    Part.TO_INTERCOM: Lane(6, 14, NETWORK),
    Part.TO_FCM: Lane(6, 14, NETWORK),
    Part.TO_SUPPORTD: Lane(4, 10, (Kind("slow", 1, 3.0),)),  # not cut: see docs/architecture.md, `latestTimestamp`
    Part.INTERCOM: Lane(3, 8, (
        Kind("failing", 3, 4.0, _switch(error_rate=0.3, error_status=[500, 502, 503])),
        Kind("away", 2, 2.0, _switch(outage=["refuse", "error", "timeout"])),
        Kind("slow", 2, 4.0, _switch(latency_s=(0.2, 1.0))),
        Kind("limiting", 1, 1.0, _switch(force_429=True)),
        Kind("garbled", 2, 1.0, _switch(garbage=["not_json", "half"])),
        Kind("cutting after a write", 3, 2.0, _switch(cut_after_write=[1, 2, 3])),
        Kind("lagging in searches", 3, 6.0, _switch(search_lag_s=(1.0, 5.0))),
    )),
    Part.WEBHOOKS: Lane(1, 4, (
        Kind("dropped", 4, 3.0, _switch(webhook_drop=[0.5, 1.0], webhook_version=VERSIONS)),
        Kind("doubled", 3, 3.0, _switch(webhook_duplicate=1.0)),
        Kind("late", 3, 2.0, _switch(webhook_delay_s=(0.2, 1.5), webhook_version=VERSIONS)),
        Kind("reordered", 4, 1.5, _switch(webhook_reorder=["newest_first", "shuffle"], webhook_version=VERSIONS)),
        Kind("badly signed", 1, 1.0, _switch(webhook_bad_signature=True)),
        Kind("without counts", 1, 3.0, _switch(statistics=False)),
    )),
})  # fmt: skip


def schedule(seed: int, length_s: float) -> list[Fault]:
    """All faults of a run, in order of time; each is over when the run is."""
    faults = [fault for part, lane in LANES.items() for fault in _of(part, lane, seed, length_s)]
    return sorted(faults, key=lambda fault: fault.at_s)


def _of(part: Part, lane: Lane, seed: int, length_s: float) -> list[Fault]:
    rng = random.Random(f"{seed} {part.name}")
    faults = []
    at_s = rng.uniform(1, lane.most_s)
    while at_s < length_s:
        (kind,) = rng.choices(lane.kinds, [each.weight for each in lane.kinds])
        for_s = round(min(rng.uniform(0.2, 1.0) * kind.longest_s, length_s - at_s), 2)
        faults.append(Fault(round(at_s, 2), part, kind.name, for_s, kind.switches(rng)))
        at_s += for_s + rng.uniform(lane.least_s, lane.most_s)
    return faults
