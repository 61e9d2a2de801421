"""The keeper of conversations: memory over snapshots over Intercom, and the one way by which news gets in.

A change is saved before it is shown. So no client's cursor can pass a message whose place in the thread a crash would
make us forget.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import structlog
from cachetools import LRUCache, TTLCache

from supportd.clock import Clock
from supportd.conversations.age import confirmed_ago_s
from supportd.conversations.attachments import Home
from supportd.conversations.cache import Entry, PollCache
from supportd.conversations.contacts import ContactBook
from supportd.conversations.durations import Durations
from supportd.conversations.messages import NO_FILES, Files, first_message
from supportd.conversations.projection import Need, News, Origin, Projection, deleted, project, rated, revives
from supportd.conversations.sent_files import SentFiles
from supportd.conversations.state import Message, Rating, Reason, State, decode, encode
from supportd.conversations.topics import Topics
from supportd.conversations.waiters import Waiters
from supportd.errors import IntercomNotFound, NotFound, StorageUnavailable
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient, Loaded
from supportd.intercom.clock import IntercomClock
from supportd.metrics import Lookup, Metrics
from supportd.stores.mongo import Overtaken
from supportd.stores.ratings import RatingStore
from supportd.stores.snapshots import Snapshot, SnapshotStore
from supportd.tasks import KeyedLocks, SingleFlight, give_way

ABSENT_FOR_S = 30
ABSENT_TRACKED = 100_000
UNKNOWN_REMEMBERED = 10_000
YOUNG_MS = 600_000

# Takes in what was known before and what will be: users are told of it once it is shown. Raises `StorageUnavailable`.
Announce = Callable[[State | None, State], Awaitable[None]]


class Applied(NamedTuple):
    """What news did: the state before and after, what the news lacked, and whether the state after is saved.

    `missing` says that Intercom, asked for the conversation, had none.
    """

    before: State | None
    after: State
    need: Need
    saved: bool = True
    missing: bool = False


class ConversationKeeper:
    """Finds conversations and applies news to them, one piece of news of a conversation at a time."""

    def __init__(
        self,
        *,
        cache: PollCache,
        snapshots: SnapshotStore,
        client: IntercomClient,
        contacts: ContactBook,
        topics: Topics,
        ratings: RatingStore,
        files: SentFiles,
        durations: Durations,
        waiters: Waiters,
        announce: Announce,
        clock: Clock,
        intercom_clock: IntercomClock,
        metrics: Metrics,
    ) -> None:
        self._cache = cache
        self._snapshots = snapshots
        self._client = client
        self._contacts = contacts
        self._topics = topics
        self._ratings = ratings
        self._files = files
        self._durations = durations
        self._waiters = waiters
        self._announce = announce
        self._clock = clock
        self._intercom_clock = intercom_clock
        self._metrics = metrics
        self._locks = KeyedLocks()
        self._loading: SingleFlight[Entry] = SingleFlight()
        self._absent: TTLCache[str, bool] = TTLCache(ABSENT_TRACKED, ABSENT_FOR_S, timer=clock.monotonic)
        self._counted: LRUCache[str, bool] = LRUCache(UNKNOWN_REMEMBERED)
        self._all_confirmed_at: float | None = None
        self._from_memory = metrics.lookups.labels(Lookup.MEMORY)
        self._log = structlog.get_logger("supportd.conversations")

    def cached(self, conversation_id: str) -> Entry | None:
        """The conversation, if it is in memory."""
        entry = self._cache.get(conversation_id)
        if entry is not None:
            self._from_memory.inc()
        return entry

    async def get(self, conversation_id: str) -> Entry:
        """The conversation from memory, a snapshot or Intercom; one load, however many wait for it.

        Raises:
            NotFound: there is none, or it belongs to no user of ours.
            ServiceUnavailable: it isn't in memory, and MongoDB or Intercom can't be asked.
        """
        entry = self.cached(conversation_id)
        if entry is not None:
            return entry
        if conversation_id in self._absent:
            raise NotFound
        return await self._loading.run(conversation_id, lambda: self._load(conversation_id))

    async def apply(self, news: News, *, settle: bool = False, history: bool = False) -> Applied:
        """Applies news. What lacks something isn't applied, so that the caller can load instead, but for `settle`.
        Users aren't told of `history`: they just asked for it.

        If MongoDB doesn't take the new state, nothing is shown and the answer says so: the reconciler comes to it.
        """
        conversation_id = str(news.conversation.id)
        async with self._locks.hold(conversation_id):
            before = await self._known(conversation_id)
            version = before.version if before is not None else 0
            if before is not None and before.deleted:
                if not revives(before, news):
                    return Applied(before, before, Need.NOTHING)
                before = None
            if before is None:
                news = await self._with_ratings(await self._with_topic(news))
            projection = project(before, await self._with_files(before, news))
            if projection.need is not Need.NOTHING and not settle:
                return Applied(before, before or projection.state, projection.need)
            return await self._keep(before, projection, version=version, history=history)

    async def apply_load(self, loaded: Loaded, files: Files = NO_FILES) -> Applied:
        """Applies a conversation that Intercom gave in full."""
        return await self.apply(self.news_of(loaded, files))

    async def apply_part(self, conversation: wire.Conversation, *, settle: bool = False) -> Applied:
        """Applies what a webhook told: a header and the newest part."""
        return await self.apply(News(conversation, Origin.PART, heard_at=self._now_ms()), settle=settle)

    async def apply_answer(self, news: News, *, known: State | None) -> Applied:
        """Applies Intercom's answer to a write. The write happened, so MongoDB's absence doesn't fail it.

        Then the state after follows from what the caller knew, isn't saved, and is shown to nobody else.
        """
        try:
            return await self.apply(news, settle=True)
        except StorageUnavailable:
            projection = project(known, news)
            return Applied(known, projection.state, projection.need, saved=False)

    async def apply_header(self, conversation: wire.Conversation) -> None:
        """Takes over a conversation that a search found, unless it is known."""
        if await self._stored(str(conversation.id)) is None:
            applied = await self.apply(News(conversation, Origin.HEADER, heard_at=self._now_ms()))
            if not applied.saved:
                raise StorageUnavailable

    def news_of(self, loaded: Loaded, files: Files = NO_FILES) -> News:
        """A full load as news; `files` are those of ours that are known to be in it."""
        at = self._now_ms()
        return News(loaded.conversation, Origin.FULL, heard_at=at, observed_at=loaded.observed_at, files=files)

    def news_of_start(self, conversation: wire.Conversation, reason: Reason | None, *, alone: bool) -> News:
        """A conversation that we just started as news; `alone` if it began with its topic and no words."""
        return News(conversation, Origin.PART, heard_at=self._now_ms(), reason=reason, source_hidden=alone)

    async def refresh(self, conversation_id: str, *, priority: Priority) -> Applied | None:
        """Loads a conversation in full and applies it; None if neither Intercom nor we know it.

        One that we know and Intercom doesn't is deleted; but a young one may not have reached all of Intercom yet, and
        stays.
        """
        try:
            loaded = await self._client.conversation(conversation_id, priority=priority)
        except IntercomNotFound:
            before = await self._known(conversation_id)
            if before is None or self._is_young(before):
                return None if before is None else Applied(before, before, Need.NOTHING, missing=True)
            return Applied(before, await self.delete(conversation_id) or before, Need.NOTHING, missing=True)
        return await self.apply_load(loaded)

    async def messages_now(self, conversation_id: str) -> Iterable[Message]:
        """The messages with Intercom's addresses of files as they are just now.

        Raises:
            NotFound: the conversation is gone.
            ServiceUnavailable: Intercom can't be asked, or MongoDB what is known.
        """
        applied = await self.refresh(conversation_id, priority=Priority.COLD_LOAD)
        if applied is None or applied.missing:
            raise NotFound
        return [part.message for part in applied.after.parts]

    async def mark_read(self, conversation_id: str, contact_id: str) -> None:
        """Records that the contact has read all there is."""
        await self.get(conversation_id)
        async with self._locks.hold(conversation_id):
            state = await self._known(conversation_id)
            if state is None or state.deleted or state.unread(contact_id) == 0:
                return
            state = msgspec.structs.replace(state, read={**state.read, contact_id: state.latest})
            self._cache.put(await self._save(state))

    async def rate(self, conversation_id: str, contact_id: str, rating: Rating) -> None:
        """Shows what the contact gave the conversation, from now on whatever Intercom says of it.

        Of one that isn't known here nothing is shown: it takes over what is stored when it is seen again.

        Raises:
            StorageUnavailable: the state couldn't be saved, and isn't shown.
        """
        async with self._locks.hold(conversation_id):
            before = await self._known(conversation_id)
            if before is None or before.deleted:
                return
            after = rated(before, contact_id, rating)
            if after is before:
                return
            after = await self._save(after)
            if after.loaded:
                self._cache.put(after)
        self._waiters.wake(conversation_id)

    async def delete(self, conversation_id: str) -> State | None:
        """Takes over that a conversation was deleted in Intercom; answers what is left, if it was known."""
        async with self._locks.hold(conversation_id):
            state = await self._known(conversation_id)
            if state is not None and not state.deleted:
                state = await self._save(deleted(state, at=int(self._intercom_clock.time())))
            self._cache.drop(conversation_id)
            self._absent[conversation_id] = True
        self._waiters.wake(conversation_id)
        return state

    async def take_over(self, conversation_id: str, version: int | None) -> None:
        """Shows what another process stored, if it is newer than what is in memory; None: that is gone."""
        async with self._locks.hold(conversation_id):
            if (entry := self._cache.get(conversation_id)) and version and entry.state.version >= version:
                return
            stored = await self._stored(conversation_id) if entry is not None else None
            self._absent.pop(conversation_id, None)
            if stored is not None and stored.loaded and not stored.deleted:
                self._cache.put(stored)
            else:
                self._cache.drop(conversation_id)
        self._waiters.wake(conversation_id)

    async def is_ours(self, conversation: wire.Conversation) -> bool:
        """Whether it is known here or belongs to a user of ours."""
        if await self._known(str(conversation.id)) is not None:
            return True
        return bool(await self._contacts.known(conversation.contact_ids))

    def confirm_all(self, at: float) -> None:
        """Takes over that everything in Intercom was seen as of this time (s of the monotonic clock)."""
        self._all_confirmed_at = at

    def age_s(self, known: State | Entry) -> int:
        """Seconds since Intercom last confirmed what is known."""
        return confirmed_ago_s(known.confirmed_at, self._all_confirmed_at, self._clock)

    async def stop(self) -> None:
        """Ends loads under way."""
        await self._loading.stop()

    async def _load(self, conversation_id: str) -> Entry:
        async with self._locks.hold(conversation_id):  # so that no older snapshot follows a newer state into memory
            stored = await self._known(conversation_id)
            if stored is not None and stored.deleted:
                raise NotFound
            if stored is not None and stored.loaded:
                self._metrics.lookups.labels(Lookup.SNAPSHOT).inc()
                return self._cache.put(stored)
        try:
            loaded = await self._client.conversation(conversation_id, priority=Priority.COLD_LOAD)
        except IntercomNotFound:
            raise self._remember_absent(conversation_id) from None
        ours = stored is not None or await self._contacts.known(loaded.conversation.contact_ids)
        if str(loaded.conversation.id) != conversation_id or not ours:
            raise self._remember_absent(conversation_id)
        self._metrics.lookups.labels(Lookup.INTERCOM).inc()
        applied = await self.apply(self.news_of(loaded), history=True)
        if applied.after.deleted:  # meanwhile
            raise self._remember_absent(conversation_id)
        if not applied.saved:
            raise StorageUnavailable
        return self._cache.get(conversation_id) or self._cache.put(applied.after)

    def _remember_absent(self, conversation_id: str) -> NotFound:
        self._metrics.lookups.labels(Lookup.ABSENT).inc()
        self._absent[conversation_id] = True
        return NotFound()

    async def known(self, conversation_id: str) -> State | None:
        """What is shown of a conversation just now; None if it isn't known here. Raises `StorageUnavailable`."""
        return await self._known(conversation_id)

    async def _known(self, conversation_id: str) -> State | None:
        entry = self._cache.get(conversation_id)
        return entry.state if entry is not None else await self._stored(conversation_id)

    async def _stored(self, conversation_id: str) -> State | None:
        snapshot = await self._snapshots.get(conversation_id)
        if snapshot is None:
            return None
        state = decode(snapshot.encoded)
        if state is None:
            self._log.warning("snapshot unreadable, loading again", conversation=conversation_id)
            await self._snapshots.discard(conversation_id)
        return state

    async def _with_topic(self, news: News) -> News:
        """Adds the reason that a conversation seen for the first time was started for."""
        conversation = news.conversation
        first = first_message(conversation)
        if first is None or first.message.author.type != "user":
            return news
        started_at = datetime.fromtimestamp(conversation.created_at, UTC)
        topic = await self._topics.claim(
            str(conversation.id), conversation.contact_ids, first.message.body, started_at=started_at
        )
        if topic is None:
            return news
        return news._replace(reason=topic.reason, source_hidden=topic.alone)

    async def _with_ratings(self, news: News) -> News:
        """Adds what a conversation was given here before, of which nothing but the record is left."""
        given = await self._ratings.of_conversation(str(news.conversation.id))
        shown = {each.contact_id: Rating(each.stars, each.comment, each.rated_at) for each in given}
        return news._replace(rated_by=shown)

    async def _with_files(self, before: State | None, news: News) -> News:
        """Adds the files of ours that were sent with its messages."""
        known = before.parts if before is not None else ()
        place = Home.CONVERSATION.place(str(news.conversation.id))
        files = await self._files.among(news.conversation.parts, of=place, known=known, given=news.files)
        return news._replace(files=files)

    async def _keep(self, before: State | None, projection: Projection, *, version: int, history: bool) -> Applied:
        after = msgspec.structs.replace(projection.state, version=version)
        for part_id in projection.unknown_parts:
            if part_id not in self._counted:
                self._counted[part_id] = True
                self._metrics.hidden_parts.inc()
        if before == after:
            return Applied(before, after, projection.need)
        try:
            for period in projection.ended:  # before the state is saved, so that a crash loses no close
                await self._durations.record(after.id, period)
            if not history:
                await self._announce(before, after)  # before it is saved too; users are told once it is shown
            await give_way()  # both what was done and what follows take as long as several polls
            after = await self._save(after)
        except StorageUnavailable:
            return Applied(before, after, projection.need, saved=False)
        self._absent.pop(after.id, None)
        if after.loaded:
            self._cache.put(after)
        if before is None or before.revision != after.revision:
            self._waiters.wake(after.id)
        return Applied(before, after, projection.need)

    async def _save(self, state: State) -> State:
        """Saves a state as the version after its own, and answers it so."""
        state = msgspec.structs.replace(state, version=state.version + 1)
        snapshot = Snapshot(
            id=state.id,
            contact_ids=state.contact_ids,
            changed_at=state.changed_at,
            proven_at=state.proven_at,
            confirmed_at=state.confirmed_at,
            open=state.state != "closed" and not state.deleted,
            deleted=state.deleted,
            version=state.version,
            encoded=encode(state),
        )
        try:
            await self._snapshots.save(snapshot)
        except Overtaken:  # by a save that was given up and came through: what it stored counts
            self._cache.drop(state.id)
            raise
        return state

    def _is_young(self, state: State) -> bool:
        return self._intercom_clock.time() * 1000 - state.created_at < YOUNG_MS

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)
