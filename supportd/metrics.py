"""Every metric of supportd.

Names are `supportd_<what>_<unit>`, counters end in `_total`. Labels are bounded: a route's name, a topic that we know,
a word of an Enum; never an id, a user or a path. Every series of an Enum exists from the start, so that an alert on
the first failure works.
"""

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
WAIT_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 15, 20, 25, 30)
OPEN_BUCKETS = (60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 345600, 604800, 1209600, 2419200)
LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
MONGO_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 2.5)
BEHIND_BUCKETS = (1, 2, 3, 5, 10, 15, 30, 60, 300, 3600, 86400)  # of times that Intercom tells in whole seconds
MAX_APP_VERSIONS = 50


class Poll(StrEnum):
    """How a poll ended."""

    NEWS = "news"
    NOTHING = "nothing"
    NOT_MODIFIED = "not_modified"


class Lookup(StrEnum):
    """Where a conversation was found."""

    MEMORY = "memory"
    SNAPSHOT = "snapshot"
    INTERCOM = "intercom"
    ABSENT = "absent"


class Receipt(StrEnum):
    """What became of a webhook when it arrived."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    PING = "ping"
    UNKNOWN_TOPIC = "unknown_topic"
    BAD_SIGNATURE = "bad_signature"
    MALFORMED = "malformed"
    NOT_STORED = "not_stored"


class Processing(StrEnum):
    """What became of a webhook when it was processed."""

    APPLIED = "applied"
    NOT_OURS = "not_ours"
    RETRIED = "retried"
    FAILED = "failed"


class Outcome(StrEnum):
    """How a call or a job ended."""

    OK = "ok"
    REFUSED = "refused"
    OUTAGE = "outage"
    RATE_LIMITED = "rate_limited"
    NO_BUDGET = "no_budget"
    BREAKER_OPEN = "breaker_open"


class KeyedSend(StrEnum):
    """What became of a send with an `Idempotency-Key`."""

    SENT = "sent"
    FOUND = "found"
    REPLAYED = "replayed"
    NOT_SENT = "not_sent"
    UNCERTAIN = "uncertain"
    CONFLICT = "conflict"
    OTHER_REQUEST = "other_request"


class PushChannel(StrEnum):
    """A way to devices."""

    FCM = "fcm"
    TELEGRAM = "telegram"


class Pushed(StrEnum):
    """What became of telling one device. `retried` comes again; the others end it."""

    SENT = "sent"
    GONE = "gone"
    MOVED = "moved"
    WITHHELD = "withheld"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    EXPIRED = "expired"
    RETRIED = "retried"


class Withheld(StrEnum):
    """Why a user wasn't told."""

    PRESENT = "present"
    PREFERENCE = "preference"
    FAILED = "failed"


class UploadRefusal(StrEnum):
    """Why an upload wasn't kept."""

    CONTENT = "content"
    TOO_LARGE = "too_large"
    BODY = "body"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"
    CLIENT_LEFT = "client_left"


class BoundedCounter:
    """A counter by a word that clients choose: the first `most` words have a series each, all others share one."""

    UNKNOWN = "unknown"
    OTHER = "other"

    def __init__(self, counter: Counter, *, most: int) -> None:
        self._counter = counter
        self._most = most
        self._words: set[str] = set()

    def count(self, word: str | None) -> None:
        """Counts one; `unknown` where there is no word."""
        if word is not None and len(self._words) < self._most:
            self._words.add(word)
        known = self.UNKNOWN if word is None else word if word in self._words else self.OTHER
        self._counter.labels(known).inc()


class Metrics:
    """The registry and every metric in it; one object a server."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="supportd", registry=self.registry)  # memory, CPU, files, start: Linux tells
        self._http(version)
        self._conversations()
        self._files()
        self._sync()
        self._stores()
        self._intercom()
        self._push()

    def _http(self, version: str) -> None:
        self.requests = self._counter("http_requests_total", "Requests answered", "route", "method", "status")
        self.request_seconds = self._histogram(
            "http_request_seconds",
            "Time to answer, without the time a poll was held",
            LATENCY_BUCKETS,
            "route",
        )
        self.held_seconds = self._histogram("poll_held_seconds", "Time that polls were held", WAIT_BUCKETS)
        self.connections = self._gauge("connections", "Open connections of clients, or of the proxy")
        self.connections_refused = self._counter(
            "connections_refused_total", "Connections closed at once, since there were too many"
        )
        self.held_polls = self._gauge("held_polls", "Polls being held now")
        self.polls = self._enum_counter("polls_total", "Polls answered", "outcome", Poll)
        self.polls_woken = self._counter("polls_woken_total", "Held polls that news ended")
        self.loop_lag_seconds = self._histogram("event_loop_lag_seconds", "How late the event loop is", LAG_BUCKETS)
        self.keyed_sends = self._enum_counter(
            "keyed_sends_total", "Sends with an Idempotency-Key", "outcome", KeyedSend
        )
        told = self._counter("diagnostics_total", "Diagnostics that SDKs sent, by the app's version", "app_version")
        self.diagnostics = BoundedCounter(told, most=MAX_APP_VERSIONS)
        self.build = self._gauge("build_info", "Always 1; the version is the label", "version")
        self.build.labels(version).set(1)

    def _conversations(self) -> None:
        self.lookups = self._enum_counter("conversation_lookups_total", "Look-ups by source", "source", Lookup)
        self.cached = self._gauge("cached_conversations", "Conversations in memory")
        self.evictions = self._counter("cache_evictions_total", "Conversations evicted from memory")
        self.conversation_seconds = self._histogram(
            "conversation_open_seconds", "Time from a conversation's start or reopening to its close", OPEN_BUCKETS
        )
        self.hidden_parts = self._counter("unknown_parts_total", "Parts hidden because their type is unknown")
        self.delivery_seconds = self._histogram(
            "delivery_seconds",
            "From Intercom's time of a message not the user's to the first poll that gave it; whole seconds",
            BEHIND_BUCKETS,
        )

    def _files(self) -> None:
        self.files_stored = self._counter("files_stored_total", "Uploaded files that were stored, by type", "type")
        self.uploads_refused = self._enum_counter(
            "uploads_refused_total", "Uploads that weren't kept", "reason", UploadRefusal
        )

    def _sync(self) -> None:
        self.webhooks = self._enum_counter("webhooks_total", "Webhooks by what was done on receipt", "outcome", Receipt)
        self.topics = self._counter("webhook_topic_total", "Webhooks stored, by topic", "topic")
        self.processed = self._enum_counter("webhook_processed_total", "Webhooks processed", "outcome", Processing)
        self.webhook_lag_seconds = self._histogram(
            "webhook_lag_seconds", "From Intercom's time of a webhook until what it told is shown", BEHIND_BUCKETS
        )
        self.backlog = self._gauge("webhook_backlog", "Webhooks stored and not yet processed")
        self.reconciler_runs = self._enum_counter("reconciler_runs_total", "Reconciler runs", "outcome", Outcome)
        self.watermark = self._gauge(
            "reconciler_watermark_seconds", "Intercom's time up to which all is known", "stream"
        )
        self.reconciler_age = self._gauge(
            "reconciler_age_seconds", "Time since the stream was last read to its end, or since the start", "stream"
        )
        self.drift = self._counter("reconciler_drift_total", "Changes that no webhook had told, by topic", "topic")
        self.outbox_jobs = self._counter("outbox_jobs_total", "Jobs done or given up", "kind", "outcome")
        self.outbox_waiting = self._gauge("outbox_waiting", "Jobs that wait to be done in Intercom")
        self.outbox_oldest_seconds = self._gauge(
            "outbox_oldest_seconds", "Age of the oldest job that waits; 0 for none"
        )
        self.task_failures = self._counter("task_failures_total", "Failed runs of periodic tasks", "task")

    def _stores(self) -> None:
        self.mongo_seconds = self._histogram(
            "mongo_seconds", "Time of MongoDB's answers, by collection and command", MONGO_BUCKETS, "operation"
        )
        self.mongo_calls = self._gauge("mongo_calls", "Calls to MongoDB that wait for a thread or an answer")

    def _intercom(self) -> None:
        self.intercom_calls = self._counter("intercom_calls_total", "Calls to Intercom", "operation", "outcome")
        self.intercom_seconds = self._histogram(
            "intercom_call_seconds", "Time of calls to Intercom", LATENCY_BUCKETS, "operation"
        )
        self.breaker_open = self._gauge("intercom_breaker_open", "1 while the breaker is open, 0.5 half open")
        self.budget_left = self._gauge("intercom_budget_left", "Calls left in this 10-second window")

    def _push(self) -> None:
        self.pushes = self._counter("pushes_total", "Devices told or not, by channel and outcome", "channel", "outcome")
        for channel in PushChannel:
            for outcome in Pushed:
                self.pushes.labels(channel, outcome)
        self.pushes_withheld = self._enum_counter(
            "pushes_withheld_total", "Users who weren't told, by reason", "reason", Withheld
        )
        self.push_queue = self._gauge("push_queue", "Conversations and tickets with news that users are to be told")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"supportd_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"supportd_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"supportd_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _enum_counter(self, name: str, text: str, label: str, values: type[StrEnum]) -> Counter:
        counter = self._counter(name, text, label)
        for value in values:
            counter.labels(value.value)
        return counter
