"""What was found out about one thing, in one line."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How it stands."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "can't tell"


class Finding(Struct, frozen=True):
    """One thing's verdict, and the words that go with it."""

    name: str
    verdict: Verdict
    says: str


def ok(name: str, says: str) -> Finding:
    """It is as it should be."""
    return Finding(name, Verdict.OK, says)


def wrong(name: str, says: str) -> Finding:
    """It has to be put right; the words say what is wrong, and where to look."""
    return Finding(name, Verdict.WRONG, says)


def unknown(name: str, says: str) -> Finding:
    """That can't be found out from here; the words say why, or how else to tell."""
    return Finding(name, Verdict.UNKNOWN, says)
