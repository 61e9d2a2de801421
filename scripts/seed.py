"""Fills a running demo's Intercom with users, conversations and answers: the same ones for the same seed.

make demo                                  (in one terminal)
.venv/bin/python scripts/seed.py           (in another)
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

SIMULATOR = "http://127.0.0.1:41180"

QUESTIONS = (
    "My transfer has been pending since this morning.",
    "I can't verify my phone number.",
    "Which fee applies to a withdrawal?",
    "The app shows an old balance.",
    "How do I add another device?",
)
ANSWERS = (
    "<p>Hello, I am <b>looking into it</b>.</p>",
    "<p>Could you tell us:</p><ul><li>when it began</li><li>on which device</li></ul>",
    '<p>This is described in <a href="https://help.example/fees">our help pages</a>.</p>',
    "<p>It has been solved. Thank you for waiting!</p>",
)


@dataclass(frozen=True)
class Step:
    """One call of the simulator's control API. `{id}` stands for the conversation of the last start."""

    path: str
    body: dict[str, Any]


def plan(*, users: int, conversations: int, seed: int) -> Iterator[Step]:
    """What will be done, in order."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    names = ["alice", *(f"user-{number}" for number in range(2, users + 1))]
    for _ in range(conversations):
        question = chance.choice(QUESTIONS)
        yield Step("/_sim/conversations", {"external_id": chance.choice(names), "body": question})
        for _ in range(chance.randint(0, 3)):
            yield Step("/_sim/conversations/{id}/reply", {"body": chance.choice(ANSWERS)})
            if chance.random() < 0.5:
                yield Step("/_sim/conversations/{id}/contact_reply", {"body": "Thank you. And " + question.lower()})
        if chance.random() < 0.4:
            yield Step("/_sim/conversations/{id}/close", {})


def carry_out(steps: Sequence[Step], simulator: str, *, progress: bool) -> None:
    """Makes the calls. Raises `httpx.HTTPError` at the first that fails."""
    conversation_id = ""
    with httpx.Client(base_url=simulator, timeout=10, trust_env=False) as http:
        for number, step in enumerate(steps, 1):
            answer = http.post(step.path.format(id=conversation_id), json=step.body).raise_for_status().json()
            conversation_id = str(answer["id"])
            if progress:
                print(f"\r{number} of {len(steps)}", end="", file=sys.stderr, flush=True)
    if progress:
        print(file=sys.stderr)


def main() -> int:
    """Returns 0, or 1 if the simulator didn't take a call."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=10, help="users, the first is alice (default: 10)")
    parser.add_argument("--conversations", type=int, default=30, help="conversations (default: 30)")
    parser.add_argument("--seed", type=int, default=1, help="makes the same data again (default: 1)")
    parser.add_argument("--simulator", default=SIMULATOR, help=f"where the simulator listens (default: {SIMULATOR})")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    arguments = parser.parse_args()
    steps = list(plan(users=arguments.users, conversations=arguments.conversations, seed=arguments.seed))
    if not arguments.dry_run:
        try:
            carry_out(steps, arguments.simulator, progress=sys.stderr.isatty())
        except httpx.HTTPError as error:
            print(f"seed: {arguments.simulator} didn't take it: {error}", file=sys.stderr)
            return 1
    result = {"conversations": arguments.conversations, "calls": len(steps), "dry_run": arguments.dry_run}
    did = "would make" if arguments.dry_run else "made"
    print(
        json.dumps(result) if arguments.json else f"{did} {arguments.conversations} conversations, {len(steps)} calls"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
