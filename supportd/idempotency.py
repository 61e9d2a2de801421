"""Sends that happen once, however often a client retries them under one `Idempotency-Key`.

Before a message is sent, the intent is stored with what was known by then; after it, the answer. A key that is found
without an answer was cut off in between: whoever takes it over looks for the message before sending it again.

A key belongs to one run at a time, by a lease that the run renews: one that crashed or hangs loses its key soon.
"""

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from uuid import uuid4

import msgspec

from supportd.clock import Clock
from supportd.errors import (
    Conflict,
    FileStorageUnavailable,
    IntercomRefused,
    IntercomUnavailable,
    StorageUnavailable,
    ValidationFailed,
)
from supportd.leases import held
from supportd.metrics import KeyedSend, Metrics
from supportd.stores.idempotency import Answer, IdempotencyStore, Intent, Record

HEADER = "Idempotency-Key"
# Intercom refused it; or a file in it is gone or couldn't be read, and half a request is none.
NOT_SENT = (IntercomRefused, ValidationFailed, FileStorageUnavailable)
LEASE_S = 10.0  # how long a key belongs to a run of which nothing is heard
LATE_S = 10.0  # by when a call that was cut off has come to Intercom, or never will: as long as a call may take
ACT_S = 45.0  # how long a run may take in all
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
    """One try to send something. This one has no key: it was never tried before.

    `intent` is what an earlier try was about to do: with one, the message must be looked for. `uncertain` says that the
    message may have been sent, `made` is what it is called in the record of keys once it was.
    """

    keyed = False
    intent: Intent | None = None
    uncertain = False
    made: str | None = None
    _target = ""

    def reserved_id(self) -> str:
        """An id for what is stored here, the same in each try until one is known to have sent nothing."""
        return uuid4().hex

    def name(self) -> str:
        """What the tries under one key have in common, whatever became of those before."""
        return uuid4().hex

    def quiet_s(self) -> float:
        """Seconds since the last moment in which an earlier try may have sent something."""
        return math.inf

    async def adopt(self, message_ids: Sequence[str]) -> str | None:  # noqa: ARG002 - there was no earlier try
        """The message that the earlier try sent: of those that it may be, the first that nothing else sent.

        From now on it is this key's. None: the earlier try sent nothing that can be found.

        Raises:
            Conflict: it can't be told just now, since another send of the user's is under way, or it may still arrive.
            StorageUnavailable: the keys can't be asked.
        """
        return None

    @asynccontextmanager
    async def sending(self, intent: Intent) -> AsyncIterator[None]:
        """Surrounds the one call that sends the message, and nothing else; the intent is stored first.

        Raises:
            Conflict, StorageUnavailable: the intent couldn't be stored, and nothing was sent.
        """
        self._target = intent.target or ""
        await self._intend(intent)
        self.uncertain = True
        try:
            yield
        except IntercomUnavailable as error:
            self.uncertain = error.sent
            raise
        except NOT_SENT:
            self.uncertain = False
            raise

    def sent(self, message_id: str) -> None:
        """Takes the id of the message that was sent."""
        self.made = self._name(message_id)

    def _name(self, message_id: str) -> str:
        return f"{self._target}/{message_id}"

    async def _intend(self, intent: Intent) -> None:
        """Stores the intent, once a try."""


Act = Callable[[Attempt], Awaitable[Done]]


class Sends:
    """Sends under keys, and how they are kept apart from those without."""

    def __init__(self, *, store: IdempotencyStore, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._here = _UnderWay()

    async def once(self, user_id: str, key: str, fingerprint: str, act: Act) -> Outcome:
        """Does what is to be done, unless it was; then answers as it was answered.

        `fingerprint` tells requests apart. What surely sent nothing isn't recorded, so the key may be used again.

        Raises:
            ValidationFailed: the key was used for another request.
            Conflict: a request with the key is under way, or it can't be told yet what became of one.
            ServiceUnavailable: the record of keys can't be asked, and nothing was sent; or whatever `act` raises.
        """
        since = asyncio.get_running_loop().time()
        record = await self._claim(user_id, key, fingerprint)
        if record.answer is not None:
            self._count(KeyedSend.REPLAYED)
            return Outcome(self._again(record.answer), replayed=True)
        attempt = _KeyedAttempt(store=self._store, record=record, clock=self._clock, here=self._here)
        self._here.keyed[record.id] = attempt
        try:
            done = await self._run(attempt, act, since)
        finally:
            del self._here.keyed[record.id]
        self._count(KeyedSend.FOUND if attempt.adopted else KeyedSend.SENT)
        return Outcome(done, replayed=attempt.adopted)

    async def unkeyed(self, user_id: str, act: Act) -> Outcome:
        """Does what has no key. What it made is recorded, if MongoDB is there, so that no key takes it for its own."""
        attempt = Attempt()
        self._here.unkeyed[user_id] += 1
        try:
            return Outcome(await act(attempt), replayed=False)
        finally:
            if attempt.made is not None:
                with suppress(StorageUnavailable):
                    await self._store.note(user_id, attempt.made, now=_ms(self._clock))
            self._here.unkeyed -= Counter([user_id])

    async def _run(self, attempt: "_KeyedAttempt", act: Act, since: float) -> Done:
        try:
            async with held(attempt.renew, since=since, lease_s=LEASE_S, at_most_s=ACT_S):
                done = await act(attempt)
        except TimeoutError:
            await self._give_up(attempt)
            raise IntercomUnavailable("send_timed_out", sent=attempt.uncertain) from None
        except Exception:
            await self._give_up(attempt)
            raise
        await self._settle(attempt, done)
        return done

    async def _claim(self, user_id: str, key: str, fingerprint: str) -> Record:
        now = _ms(self._clock)
        wanted = Record(
            id=f"{user_id}\n{key}",
            user_id=user_id,
            fingerprint=fingerprint,
            reserved_id=uuid4().hex,
            run=uuid4().hex,
            running_until=_lease_end(now),
        )
        record = await self._store.claim(wanted, now=now, may_take_over=wanted.id not in self._here.keyed)
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
                await self._store.release(attempt.record, now=_ms(self._clock), called=attempt.called)
            else:
                await self._store.forget(attempt.record)

    def _again(self, answer: Answer) -> Done:
        since_s = max(0, _ms(self._clock) - answer.at) // 1000
        return Done(answer.status, answer.body, None if answer.age_s is None else answer.age_s + since_s)

    def _count(self, outcome: KeyedSend) -> None:
        self._metrics.keyed_sends.labels(outcome.value).inc()


class _UnderWay:
    """What runs in this process, whatever a clock says: tries by their keys, and users who send without one."""

    def __init__(self) -> None:
        self.keyed: dict[str, _KeyedAttempt] = {}
        self.unkeyed: Counter[str] = Counter()

    def sends_beside(self, record: Record) -> bool:
        """Whether the user is sending something else just now."""
        tries = (each for key, each in self.keyed.items() if key != record.id)
        return record.user_id in self.unkeyed or any(
            each.called and each.record.user_id == record.user_id for each in tries
        )


class _KeyedAttempt(Attempt):
    """A try under a key. `adopted` says that the message was found, `called` that this try may have sent it."""

    keyed = True

    def __init__(self, *, store: IdempotencyStore, record: Record, clock: Clock, here: _UnderWay) -> None:
        self._store = store
        self._clock = clock
        self._here = here
        self.record = record
        self.intent = record.intent
        self.uncertain = record.intent is not None
        self.adopted = False
        self.called = False
        self._target = (record.intent and record.intent.target) or ""

    def reserved_id(self) -> str:
        return self.record.reserved_id

    def name(self) -> str:
        return hashlib.sha256(self.record.id.encode()).hexdigest()

    def quiet_s(self) -> float:
        return (_ms(self._clock) - self.record.calling_until) / 1000 if self.intent is not None else math.inf

    async def renew(self) -> bool | None:
        """Prolongs the try; False if it lost its key, None if MongoDB can't tell."""
        until = _lease_end(_ms(self._clock))
        with suppress(StorageUnavailable):
            return await self._store.renew(self.record, until=until, calling=self.called)
        return None

    async def adopt(self, message_ids: Sequence[str]) -> str | None:
        if self.record.made is not None:  # by a try that found it and got no further
            self.adopted = True
            return self.record.made.rpartition("/")[2]
        if message_ids and await self._others_sending():
            raise Conflict(1)
        for message_id in message_ids:
            if await self._store.adopt(self.record, self._name(message_id)):
                self.adopted = True
                return message_id
        late_s = LATE_S - self.quiet_s()
        if late_s > 0:
            raise Conflict(late_s)
        return None

    async def _others_sending(self) -> bool:
        """Asked after the search: who had sent one of the messages found was sending by then, or it is recorded."""
        here = self._here.sends_beside(self.record)
        return here or await self._store.others_sending(self.record, now=_ms(self._clock))

    async def _intend(self, intent: Intent) -> None:
        if self.called:
            return
        now = _ms(self._clock)
        until = _lease_end(now)
        if not await self._store.intend(self.record, msgspec.structs.replace(intent, at=now), until=until):
            raise Conflict(RETRY_S)
        if _ms(self._clock) >= until:  # the machine slept meanwhile: another run may have the key by now
            raise Conflict(RETRY_S)
        self.called = True


def _lease_end(now: int) -> int:
    return now + int(LEASE_S * 1000)


def _ms(clock: Clock) -> int:
    return int(clock.time() * 1000)
