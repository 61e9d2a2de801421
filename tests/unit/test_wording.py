import dataclasses

import pytest

from supportd.config import LANGUAGES, Settings
from supportd.push.announcer import Place
from supportd.push.stories import Line
from supportd.push.wording import Text, Wording, languages


def text(line: Line, place: Place = Place.CHAT, *, language: str | None = None, content: bool = True) -> Text:
    wording = Wording(with_content=content, default_language="en")
    return wording.text(place, line, reference="AW-7", language=language)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Hello", "Hello"),
        ("", "A file was sent"),
        ("x" * 120, "x" * 120),
        ("x" * 121, "x" * 119 + "…"),
        ("word " * 30, ("word " * 24).rstrip()[:119].rstrip() + "…"),
        ("{reference} %s", "{reference} %s"),
    ],
)
def test_content_is_shortened(words: str, shown: str) -> None:
    assert text(Line("1", 1, words)) == Text("New message from support", shown)
    assert len(shown) <= 120


@pytest.mark.parametrize(
    "sign",
    [
        "e\u0301",  # an accent
        "❤\ufe0f",  # a red heart
        "👋🏽",
        "👨\u200d👩\u200d👧",
        "🇬🇧",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
        "नि",
    ],
)
def test_no_sign_is_torn_apart(sign: str) -> None:
    for before in range(110, 125):
        body = text(Line("1", 1, "x" * before + sign * 20)).body
        assert len(body) <= 120
        assert body.removesuffix("…").removeprefix("x" * min(before, 119)).replace(sign, "") == ""


def test_what_has_no_end_is_cut_anyhow() -> None:
    assert len(text(Line("1", 1, "e" + "\u0301" * 500)).body) == 120


def test_a_tickets_titles_name_its_reference_only() -> None:
    reply, change = Line("1", 1, "Done"), Line("s", 1, state="awaiting_reply")
    assert text(reply, Place.TICKET) == Text("AW-7: new reply", "Done")
    assert text(change, Place.TICKET) == Text("AW-7: status changed", "Waiting for your reply")
    assert text(change, Place.TICKET, content=False) == Text("AW-7: status changed", "Open the app to see it")
    assert text(change, Place.TICKET, language="ru") == Text("AW-7: статус изменён", "Ждём вашего ответа")


def test_every_language_has_every_word_and_can_be_the_default() -> None:
    english = languages()["en"]
    assert set(languages()) == set(LANGUAGES)
    field = next(each for each in dataclasses.fields(Settings) if each.name == "push_language")
    for name, words in languages().items():
        assert words.states.keys() == english.states.keys()
        assert "{reference}" in words.ticket
        assert "{reference}" in words.changed
        assert all(dataclasses.asdict(words).values())
        assert field.metadata["read"](name) == name
