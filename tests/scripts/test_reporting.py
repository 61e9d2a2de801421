"""How scripts speak, on a terminal and elsewhere."""

import io
import json

import pytest

from supportd.upkeep.reporting import Reporting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_over_what_was_there_and_ends_before_the_result() -> None:
    out, terminal = io.StringIO(), Terminal()
    report = Reporting(out=out, err=terminal, as_json=False)
    report.progress("comparing tickets", 1234, 5678)
    report.progress("done", 2)
    report.result({"count": 2}, ["two", "lines"])
    first, second = terminal.getvalue().removeprefix("\r").removesuffix("\n").split("\r")
    assert (first, second.rstrip(), len(second)) == ("comparing tickets: 1,234 of 5,678", "done: 2", len(first))
    assert out.getvalue() == "two\nlines\n"


@pytest.mark.parametrize("as_json", [True, False])
def test_where_nobody_looks_there_is_the_result_only(as_json: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    report = Reporting(out=out, err=err, as_json=as_json)
    report.progress("comparing", 1)
    report.result({"count": 2}, ["two"])
    assert err.getvalue() == ""
    assert (json.loads(out.getvalue()) if as_json else out.getvalue()) == ({"count": 2} if as_json else "two\n")
