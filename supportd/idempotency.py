"""Sends that happen once, however often a client retries them under one `Idempotency-Key`.

Before a message is sent, the intent is stored with what was known by then; after it, the answer. A key that is found
without an answer was cut off in between: whoever takes it over looks for the message before sending it again.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from uuid import uuid4

import msgspec

from supportd.clock import Clock
from supportd.errors import Conflict, IntercomRefused, IntercomUnavailable, StorageUnavailable, ValidationFailed
from supportd.metrics import KeyedSend, Metrics
from supportd.stores.idempotency import Answer, IdempotencyStore, Intent, Record

HEADER = "Idempotency-Key"
RUN_S = 60  # how long a key belongs to a run that may have crashed
ACT_S = 45.0  # how long a run may take: less, so that no two ever send at once
RETRY_S = 5  # the longest that a client is told to wait for a run under way


class Done(NamedTuple):
    """What a send answers: a body as bytes, and its age in seconds where it has one."""

    status: int
    body: bytes
    age_s: int | None = None


class Outcome(NamedTuple):
    """An answer, and whether the message was sent by an earlier request."""

    done: Done
    replayed: bool


class Attempt:
    """One try to send something. This one has no key: it was never tried before, and nothing is recorded.

    `intent` is what an earlier try was about to do: with one, the message must be looked for. `uncertain` says that the
    message may have been sent.
    """

    keyed = False
    intent: Intent | None = None
    uncertain = False

    def reserved_id(self) -> str:
        """An id for what is stored here, the same in each try under a key."""
        return uuid4().hex

    def age_s(self) -> float:
        """Seconds since the earlier try was about to send."""
        return math.inf

    async def adopt(self, message_ids: Sequence[str]) -> str | None:  # noqa: ARG002 - there was no earlier try
        """The message that the earlier try sent: of those that it may be, the first that no other key sent.

        From now on it is this key's. None: the earlier try sent nothing that can be found.

        Raises:
            Conflict: it can't be told just now, since another send of the user's is under way.
            StorageUnavailable: the keys can't be asked.
        """
        return None

    @asynccontextmanager
    async def sending(self, intent: Intent) -> AsyncIterator[None]:
        """Surrounds the one call that sends the message, and nothing else; the intent is stored first.

        Raises:
            Conflict, StorageUnavailable: the intent couldn't be stored, and nothing was sent.
        """
        await self._intend(intent)
        self.uncertain = True
        try:
            yield
        except IntercomRefused:
            self.uncertain = False
            raise
        except IntercomUnavailable as error:
            self.uncertain = error.sent
            raise

    def sent(self, message_id: str) -> None:
        """Takes the id of the message that was sent."""

    async def _intend(self, intent: Intent) -> None:
        """Stores the intent, once a try."""


Act = Callable[[Attempt], Awaitable[Done]]


class Sends:
    """Sends under keys."""

    def __init__(self, *, store: IdempotencyStore, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics

    async def once(self, user_id: str, key: str, fingerprint: str, act: Act) -> Outcome:
        """Does what is to be done, unless it was; then answers as it was answered.

        `fingerprint` tells requests apart. What surely sent nothing isn't recorded, so the key may be used again.

        Raises:
            ValidationFailed: the key was used for another request.
            Conflict: a request with the key is under way, or it can't be told yet what became of one.
            ServiceUnavailable: the record of keys can't be asked, and nothing was sent; or whatever `act` raises.
        """
        record = await self._claim(user_id, key, fingerprint)
        if record.answer is not None:
            self._count(KeyedSend.REPLAYED)
            return Outcome(self._again(record.answer), replayed=True)
        attempt = _KeyedAttempt(store=self._store, record=record, clock=self._clock)
        try:
            async with asyncio.timeout(ACT_S):
                done = await act(attempt)
        except TimeoutError:
            await self._give_up(attempt)
            raise IntercomUnavailable("send_timed_out", sent=attempt.uncertain) from None
        except Exception:
            await self._give_up(attempt)
            raise
        await self._settle(attempt, done)
        self._count(KeyedSend.FOUND if attempt.adopted else KeyedSend.SENT)
        return Outcome(done, replayed=attempt.adopted)

    async def _claim(self, user_id: str, key: str, fingerprint: str) -> Record:
        now = _ms(self._clock)
        wanted = Record(
            id=f"{user_id}\n{key}",
            user_id=user_id,
            fingerprint=fingerprint,
            reserved_id=uuid4().hex,
            run=uuid4().hex,
            running_until=now + RUN_S * 1000,
        )
        record = await self._store.claim(wanted, now=now)
        if record is not None and record.fingerprint != fingerprint:
            self._count(KeyedSend.OTHER_REQUEST)
            raise ValidationFailed(HEADER, "was used for another request")
        if record is None or (record.answer is None and record.run != wanted.run):
            self._count(KeyedSend.CONFLICT)
            left_s = 0.0 if record is None else (record.running_until - now) / 1000
            raise Conflict(min(left_s, RETRY_S))
        return record

    async def _settle(self, attempt: "_KeyedAttempt", done: Done) -> None:
        """Records the answer. It was sent, so MongoDB's absence doesn't fail it: a retry will find the message."""
        answer = Answer(done.status, done.body, done.age_s, _ms(self._clock))
        with suppress(StorageUnavailable):
            await self._store.settle(attempt.record, answer, made=attempt.made)

    async def _give_up(self, attempt: "_KeyedAttempt") -> None:
        """What can't be recorded is over when the run's time is."""
        self._count(KeyedSend.UNCERTAIN if attempt.uncertain else KeyedSend.NOT_SENT)
        with suppress(StorageUnavailable):
            if attempt.uncertain:
                await self._store.release(attempt.record)
            else:
                await self._store.forget(attempt.record)

    def _again(self, answer: Answer) -> Done:
        since_s = max(0, _ms(self._clock) - answer.at) // 1000
        return Done(answer.status, answer.body, None if answer.age_s is None else answer.age_s + since_s)

    def _count(self, outcome: KeyedSend) -> None:
        self._metrics.keyed_sends.labels(outcome.value).inc()


class _KeyedAttempt(Attempt):
    """A try under a key. `adopted` says that the message was found."""

    keyed = True

    def __init__(self, *, store: IdempotencyStore, record: Record, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.record = record
        self.intent = record.intent
        self.uncertain = record.intent is not None
        self.adopted = False
        self.made: str | None = None
        self._stored: Intent | None = None

    def reserved_id(self) -> str:
        return self.record.reserved_id

    def age_s(self) -> float:
        return (_ms(self._clock) - self.intent.at) / 1000 if self.intent is not None else math.inf

    async def adopt(self, message_ids: Sequence[str]) -> str | None:
        made = self.record.made  # by a try that found it and got no further
        if made is not None:
            self.adopted = True
            return made.rpartition("/")[2]
        # Asked after the search: who had sent one of the messages found was sending by then, or is settled.
        if message_ids and await self._store.others_sending(self.record, now=_ms(self._clock)):
            raise Conflict(1)
        for message_id in message_ids:
            if await self._store.adopt(self.record, self._name(message_id)):
                self.adopted = True
                return message_id
        return None

    def sent(self, message_id: str) -> None:
        self.made = self._name(message_id)

    async def _intend(self, intent: Intent) -> None:
        if self._stored is None:
            stamped = msgspec.structs.replace(intent, at=_ms(self._clock))
            if not await self._store.intend(self.record, stamped):
                raise Conflict(RETRY_S)
            self._stored = stamped

    def _name(self, message_id: str) -> str:
        intent = self._stored or self.intent
        return f"{(intent and intent.target) or ''}/{message_id}"


def _ms(clock: Clock) -> int:
    return int(clock.time() * 1000)
