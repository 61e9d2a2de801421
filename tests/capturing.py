"""The log as the server writes it, for tests that look for what must not be in it."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from supportd import logs


@contextmanager
def captured(level: str = "debug") -> Iterator[io.StringIO]:
    """What is logged meanwhile. Afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, was = root.handlers, root.level
    known = {name: logging.getLogger(name).level for name in list(root.manager.loggerDict)}
    configuration = structlog.get_config()
    stream = io.StringIO()
    logs.configure(level=level, fmt="json", stream=stream)
    try:
        yield stream
    finally:
        structlog.configure(**configuration)
        root.handlers = handlers
        root.setLevel(was)
        for name in list(root.manager.loggerDict):
            logging.getLogger(name).setLevel(known.get(name, logging.NOTSET))
