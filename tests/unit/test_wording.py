import dataclasses

import pytest

from supportd.config import Settings
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


def test_a_tickets_titles_name_its_reference_only() -> None:
    reply, change = Line("1", 1, "Done"), Line("s", 1, state="awaiting_reply")
    assert text(reply, Place.TICKET) == Text("AW-7: new reply", "Done")
    assert text(change, Place.TICKET) == Text("AW-7: status changed", "Waiting for your reply")
    assert text(change, Place.TICKET, content=False) == Text("AW-7: status changed", "Open the app to see it")
    assert text(change, Place.TICKET, language="ru") == Text("AW-7: статус изменён", "Ждём вашего ответа")


def test_every_language_has_every_word_and_can_be_the_default() -> None:
    english = languages()["en"]
    field = next(each for each in dataclasses.fields(Settings) if each.name == "push_language")
    for name, words in languages().items():
        assert words.states.keys() == english.states.keys()
        assert "{reference}" in words.ticket
        assert "{reference}" in words.changed
        assert all(dataclasses.asdict(words).values())
        assert field.metadata["read"](name) == name
