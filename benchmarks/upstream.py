"""What polls cost Intercom: calls per thousand polls, with 10,000 chats that are polled and webhooks that come."""

from pathlib import Path

from benchmarks.client import shared
from benchmarks.crowd import gather
from benchmarks.figures import Results, at_most
from benchmarks.rig import site, wrk

CHATS = 10_000
SECONDS = 65.0  # more than two runs of the reconciler at its default interval
CONNECTIONS = 32


async def run(folder: Path) -> Results:
    """Polls all chats in turn for a minute, with webhooks subscribed and the reconciler at its default interval."""
    async with site(folder) as made:
        crowd = gather(made, CHATS)
        await shared(made.port, crowd.people, lambda at, one: at.get(one.poll(0), one.token), at_once=CONNECTIONS)
        await made.running.operator.forget_calls()
        script = crowd.script(folder)
        load = await wrk(made.running.api, connections=CONNECTIONS, seconds=SECONDS, headers={}, script=script)
        calls = sum((await made.running.operator.calls()).values())
    polls = load.per_s * SECONDS
    each = at_most(
        f"calls to Intercom per 1,000 polls of {CHATS:,} chats",
        [calls / polls * 1000],
        0.1,
        unit="calls",
        baseline=f"{polls:,.0f} polls in {SECONDS:.0f} s; 1,000 if each poll asked Intercom",
    )
    return Results([each])
