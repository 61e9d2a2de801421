import errno
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from supportd.logs import FIELDS, configure, drop_unlisted, safe_exception

CANARY = "canary-0451"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The log of this test; the process's own is put back after it."""
    root = logging.getLogger()
    names = ("httpx", "httpcore", "pymongo", "asyncio", "tornado.access", "tornado.general")
    levels = {name: logging.getLogger(name).level for name in names}
    before = (root.handlers, root.level)
    yield io.StringIO()
    root.handlers, root.level = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail() -> None:
    raise ValueError(CANARY)


def test_one_json_object_a_line(stream: io.StringIO) -> None:
    configure(level="info", fmt="json", stream=stream)
    log = structlog.get_logger("supportd.http")
    log.debug("unseen")
    log.info("request", route="poll", status=200)
    log.warning("periodic task failed", task="inbox")
    first, second = lines(stream)
    assert first.pop("timestamp").endswith("Z")
    assert first == {"event": "request", "level": "info", "logger": "supportd.http", "route": "poll", "status": 200}
    assert second["level"] == "warning"


def test_unlisted_fields_are_dropped(stream: io.StringIO) -> None:
    configure(level="info", fmt="json", stream=stream)
    structlog.get_logger("supportd.http").info("request", body=CANARY, token=CANARY, uri=CANARY, status=200)
    (line,) = lines(stream)
    assert CANARY not in json.dumps(line)
    assert line["status"] == 200


def test_an_exceptions_text_stays_out_its_way_is_shown(stream: io.StringIO) -> None:
    configure(level="info", fmt="json", stream=stream)
    try:
        fail()
    except ValueError:
        structlog.get_logger("supportd.http").exception("unhandled exception")
    (line,) = lines(stream)
    assert line["error_type"] == "ValueError"
    assert " fail" in json.dumps(line["exception"])
    assert CANARY not in json.dumps(line)


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_other_libraries_exceptions_are_as_quiet(stream: io.StringIO, fmt: str) -> None:
    configure(level="info", fmt=fmt, stream=stream)
    try:
        fail()
    except ValueError:
        logging.getLogger("some.library").exception("it failed")
    assert "it failed" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_tornados_lines_with_addresses_are_left_out(stream: io.StringIO) -> None:
    configure(level="info", fmt="json", stream=stream)
    logging.getLogger("tornado.access").warning("404 GET /api/conversations?%s", CANARY)
    logging.getLogger("tornado.general").warning("malformed %s", CANARY)
    logging.getLogger("httpx").info("GET %s", CANARY)
    assert stream.getvalue() == ""


def test_request_id_comes_along(stream: io.StringIO) -> None:
    configure(level="info", fmt="json", stream=stream)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("supportd.http").info("request")
    assert lines(stream)[0]["request_id"] == "r-1"


def test_level_is_the_configured_one(stream: io.StringIO) -> None:
    configure(level="error", fmt="json", stream=stream)
    structlog.get_logger("supportd.http").warning("quiet")
    logging.getLogger("some.library").warning("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("info", [ValueError(CANARY), (ValueError, ValueError(CANARY), None)], ids=["error", "tuple"])
def test_exception_passed_in_any_form(info: object) -> None:
    event = safe_exception(None, "", {"event": "failed", "exc_info": info})
    assert set(event) == {"event", "error_type", "exception"}
    assert event["error_type"] == "ValueError"
    assert CANARY not in repr(event)


def test_no_exception_at_hand_is_no_field() -> None:
    assert safe_exception(None, "", {"event": "fine", "exc_info": None}) == {"event": "fine"}
    assert safe_exception(None, "", {"event": "fine", "exc_info": True}) == {"event": "fine"}


def test_no_listed_field_holds_personal_data() -> None:
    private = {"body", "token", "name", "email", "user_id", "headers", "uri", "url", "query", "text", "file"}
    assert private.isdisjoint(FIELDS)
    assert drop_unlisted(None, "", dict.fromkeys(private, CANARY)) == {}


class FullDisk(io.StringIO):
    """A stream to a file that no line fits into any more."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_the_line_and_nothing_else(stream: io.StringIO) -> None:
    log = structlog.get_logger("supportd.http")
    configure(level="info", fmt="json", stream=FullDisk())
    log.info("request", route="poll", status=200)
    configure(level="info", fmt="json", stream=stream)
    log.info("request", route="poll", status=304)
    assert [line["status"] for line in lines(stream)] == [304]
