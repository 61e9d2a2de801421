"""Lets stories happen in a running demo: users by supportd's own API, operators in the simulator."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import httpx

from supportd.dev.stories import Step, Story, Who

AT_ONCE = 8  # users
TIMEOUT_S = 30
TRIES = 60
LATER = frozenset({409, 429, 502})  # a limit of supportd's or Intercom's is reached


class SeedingFailed(Exception):
    """A call wasn't taken; the message says which."""


class Seeding:
    """Plays users and operators. `told` hears of each call that was taken."""

    def __init__(self, *, simulator: str, http: httpx.AsyncClient, told: Callable[[], None]) -> None:
        self._simulator = simulator
        self._http = http
        self._told = told
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def play(self, stories: Iterable[Story]) -> None:
        """Lets them happen: those of one user one after the other, several users at once.

        Raises:
            SeedingFailed: a call wasn't taken, or nobody answers.
        """
        of_users: dict[str, list[Story]] = {}
        for story in stories:
            of_users.setdefault(story.user, []).append(story)
        try:
            async with asyncio.TaskGroup() as users:
                for user, theirs in of_users.items():
                    users.create_task(self._live(user, theirs))
        except* SeedingFailed as failures:
            raise failures.exceptions[0] from None

    async def _live(self, user: str, stories: Iterable[Story]) -> None:
        async with self._at_once:
            for story in stories:
                session = await self._call("POST", f"{self._simulator}/demo/session", {"user": user})
                made = ""
                for step in story.steps:
                    answer = await self._take(step, made, session)
                    made = made or str(answer.get("id", ""))
                    self._told()

    async def _take(self, step: Step, made: str, session: dict[str, Any]) -> dict[str, Any]:
        path = step.path.format(id=made)
        body = {name: value.format(id=made) if value == "{id}" else value for name, value in step.body.items()}
        if step.who is Who.OPERATOR:
            return await self._call(step.method, self._simulator + path, body)
        return await self._call(step.method, session["api"] + path, body, Authorization=f"Bearer {session['token']}")

    async def _call(self, method: str, url: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        """Makes a call, and while it should come later makes it again, under the same key: so it happens once."""
        headers["Idempotency-Key"] = uuid4().hex
        for _ in range(TRIES):
            try:
                answer = await self._http.request(method, url, json=body, headers=headers, timeout=TIMEOUT_S)
            except httpx.HTTPError as error:
                raise SeedingFailed(f"{url} can't be reached ({type(error).__name__}); is the demo up?") from None
            if answer.status_code not in LATER:
                break
            await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
        if not answer.is_success:
            raise SeedingFailed(f"{url} answered {answer.status_code}: {answer.text[:200]}")
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
