"""Logs: one event a line, as JSON for machines or coloured for a terminal, never with personal data.

What may be said of a user is a short keyed hash; of a request its route, status, time and id. Bodies, tokens, names,
addresses, headers and URLs are never passed to a logger, and `drop_unlisted` makes sure of it.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, TextIO

import structlog

# What an event may say. A key that isn't here is dropped, so that a careless call can't leak.
FIELDS = frozenset({
    "event", "level", "timestamp", "logger", "exception",
    "request_id", "route", "method", "status", "duration_ms", "waited_ms", "user",
    "task", "error", "error_type", "reason", "lag_s", "conversation", "ticket", "topic", "topics", "kind",
    "count", "attempts", "seconds", "host", "port", "metrics_port", "version", "signal", "state", "operation", "path",
    "app_version", "sdk_version", "platform", "os_version", "device_model", "locale", "network_type",  # diagnostics
    "client_event", "error_code", "http_status", "latency_ms",
})  # fmt: skip

FIRST_WORDS = re.compile(r"\A[A-Za-z ]*[A-Za-z]")


class LineLogger:
    """Writes lines to a stream, by a shorter way than the standard library's. A line that can't be written is lost."""

    def __init__(self, stream: TextIO, lock: Lock, name: str) -> None:
        self.name = name
        self._stream = stream
        self._lock = lock

    def msg(self, line: str) -> None:
        """Writes a line, whole. A full disk or a closed pipe costs the line, not the request that it is of."""
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = exception = critical = msg


def configure(*, level: str, fmt: str, stream: TextIO | None = None) -> None:
    """Sends every log line of the process, other libraries' warnings included, to `stream` (stdout)."""
    out = stream or sys.stdout
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        safe_exception,
        drop_unlisted,
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if fmt == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=partial(LineLogger, out, Lock()),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[without_quotes, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "pymongo", "asyncio", "boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Tornado's own lines have URIs and headers in them; each request is logged by its handler instead.
    for leaky in ("tornado.access", "tornado.general"):
        logging.getLogger(leaky).setLevel(logging.CRITICAL)


def safe_exception(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces an exception by its type and the lines it passed, without its text: that may quote what was sent."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[0] is not None:
        event["error_type"] = info[0].__name__
        event["exception"] = _frames(info[2])
    return event


def without_quotes(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keeps the first words of asyncio's messages: what follows quotes tasks, arguments and errors."""
    if event["_record"].name == "asyncio":
        event["event"] = " ".join(FIRST_WORDS.findall(event["event"])) or "asyncio"
    return event


def drop_unlisted(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keeps the listed fields only."""
    return {key: value for key, value in event.items() if key in FIELDS or key.startswith("_")}


def _frames(traceback: Any) -> str:
    frames = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        frames.append(f"{module}:{traceback.tb_lineno} {code.co_qualname}")
        traceback = traceback.tb_next
    return " > ".join(frames)
