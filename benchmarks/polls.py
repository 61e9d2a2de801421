"""What a poll costs: polls/s against a bare Tornado handler with the same bytes, and against FastAPI and PyJWT."""

from pathlib import Path

from benchmarks.figures import Plot, Results, at_least
from benchmarks.rig import listening, program, site, wrk
from tests.harness import JWT_SECRET

ROUNDS = 5
SECONDS = 2.0
CONNECTIONS = 32
CLIENTS = (1, 4, 16, 64, 256)


async def run(folder: Path) -> Results:
    """All servers in turn, round after round: what a machine's other work costs falls on each alike."""
    async with site(folder) as ours:
        alice = ours.running.sdk()
        chat = await alice.start(body="Hello")
        path = f"/api/conversations/{chat['id']}/poll?since={chat['latestTimestamp']}"
        answer = await alice.call("GET", path)
        body = folder / "body"
        body.write_bytes(answer.content)
        caller = {"Authorization": f"Bearer {alice.token}"}
        with (
            program("bare.py", folder, str(body)) as (_, bare_port),
            program("rival.py", folder, str(body), JWT_SECRET) as (_, rival_port),
        ):
            await listening(bare_port)
            await listening(rival_port)
            poll = f"{ours.running.api}{path}"
            bare = f"http://127.0.0.1:{bare_port}/"
            rival = f"http://127.0.0.1:{rival_port}/api/conversations/1/poll?since={chat['latestTimestamp']}"
            known = {**caller, "If-None-Match": answer.headers["ETag"]}

            # The same request to each: its headers are to be read, whoever answers.
            async def rate(url: str, headers: dict[str, str], connections: int = CONNECTIONS) -> float:
                return (await wrk(url, connections=connections, seconds=SECONDS, headers=headers)).per_s

            quiet, unchanged, instead = [], [], []
            for _ in range(ROUNDS):
                least = await rate(bare, caller)
                quiet.append(await rate(poll, caller) / least)
                unchanged.append(await rate(poll, known) / await rate(bare, known))
                instead.append(quiet[-1] * least / await rate(rival, caller))
            lines: dict[str, list[tuple[float, float]]] = {
                "supportd": [(clients, await rate(poll, caller, clients)) for clients in CLIENTS],
                "bare Tornado handler": [(clients, await rate(bare, caller, clients)) for clients in CLIENTS],
                "FastAPI, uvicorn, PyJWT": [(clients, await rate(rival, caller, clients)) for clients in CLIENTS],
            }
    return Results(
        [
            at_least("polls/s, nothing new", quiet, 1.3, unit="x", baseline="bare Tornado handler, the same bytes"),
            at_least("polls/s, nothing new", instead, 1.7, unit="x", baseline="FastAPI, uvicorn, PyJWT"),
            at_least("polls/s answered 304", unchanged, 1.4, unit="x", baseline="bare Tornado handler, 200 with bytes"),
        ],
        [Plot(file="polls.svg", title="Polls a second", x="connections", y="polls/s", lines=lines, log_x=True)],
    )
