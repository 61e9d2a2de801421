"""Which files of ours a message has, and what a client is given of it."""

from typing import Any

import pytest

from supportd.conversations.attachments import Home
from supportd.conversations.messages import NO_WORDS, file_id_in, in_place_of_words, message_of, own_words
from supportd.conversations.richtext import images, sanitised, with_images
from supportd.conversations.state import Attachment, Message
from supportd.intercom import wire
from tests.unit.talk import attachment_links, part

ID = "0123456789abcdef" * 2
OURS = Attachment("a.png", "", "image/png", 9, file_id=ID)
OTHER = Attachment("a.png", "", "image/png", 9, file_id="f" * 32)
COPY = wire.Attachment(ID, "https://x.example/1", "image/png", 9)


def shown(*files: wire.Attachment, ours: tuple[Attachment, ...] = (OURS,), by: str = "user") -> Message:
    found = message_of(
        part("p1", "<p>x</p>", by=by, attachments=list(files)), {str(file.file_id): file for file in ours}
    )
    assert found is not None
    return found.message


@pytest.mark.parametrize("name", [ID, f"{ID}.png", "a.png"])
def test_a_file_of_ours_is_known_again(name: str) -> None:
    [file] = shown(wire.Attachment(name, "https://x.example/1", "image/png", 9)).attachments
    assert file == Attachment("a.png", "https://x.example/1", "image/png", 9, file_id=ID)


@pytest.mark.parametrize(
    ("file", "ours"),
    [
        (wire.Attachment("f" * 32, "https://x.example/1", "image/png", 9), (OURS,)),
        (wire.Attachment("a.png", "https://x.example/1", "image/png", 10), (OURS,)),
        (wire.Attachment("b.png", "https://x.example/1", "image/png", 9), (OURS,)),
        (wire.Attachment("a.png", "https://x.example/1", "image/png", 9), (OURS, OTHER)),
        (COPY, ()),
    ],
)
def test_what_may_be_another_file_is_intercoms(file: wire.Attachment, ours: tuple[Attachment, ...]) -> None:
    assert shown(file, ours=ours).attachments[0].file_id is None


def test_an_operators_file_is_never_ours() -> None:
    assert shown(COPY, by="admin").attachments[0].file_id is None


@pytest.mark.parametrize("name", [None, "", "x", ID[:-1], f"{ID}0", f"{ID}.", f"../{ID}", ID.upper(), f"{ID}\n"])
def test_other_names_are_no_ids(name: str | None) -> None:
    assert file_id_in(name) is None


@pytest.mark.parametrize("names", [["a.png"], ["a.png", "b <c>.txt"], [""]])
def test_no_words_are_shown_where_there_were_none(names: list[str]) -> None:
    found = message_of(part("p1", in_place_of_words(names), by="user", attachments=[COPY]))
    assert found is not None
    assert found.message.body == ""


@pytest.mark.parametrize("attachments", [None, [], [wire.Attachment(ID)]])
def test_files_that_intercom_has_none_of_are_named(attachments: list[wire.Attachment] | None) -> None:
    found = message_of(part("p1", in_place_of_words(["a.png", "b <c>.txt"]), by="user", attachments=attachments))
    assert found is not None
    assert (found.message.body, found.message.attachments) == ("Not delivered: a.png, b <c>.txt", ())


@pytest.mark.parametrize("by", ["admin", "bot"])
def test_others_have_words_always(by: str) -> None:
    found = message_of(part("p1", in_place_of_words(["a.png"]), by=by))
    assert found is not None
    assert found.message.body == in_place_of_words(["a.png"])


@pytest.mark.parametrize(
    ("given", "own"),
    [
        ("Hi", "Hi"),
        (in_place_of_words(["a"]), "\U0001f4ce a"),
        (f" {NO_WORDS} Hi{NO_WORDS}\n", "Hi"),
        (f"a{NO_WORDS}b", f"a{NO_WORDS}b"),
        (NO_WORDS * 3, ""),
    ],
)
def test_a_users_words_never_look_like_none(given: str, own: str) -> None:
    assert own_words(given) == own


@pytest.mark.parametrize(
    ("body", "addresses"),
    [
        ("<p>x</p>", []),
        ('<img src="https://x.example/?a=1&amp;b=2">', ["https://x.example/?a=1&b=2"]),
        ("<img alt='a \"> <img src=' src='https://x.example/1'>", ["https://x.example/1"]),
        ('<img src="https://x.example/1" alt="a > b"><p><img src="http://x.example/2"></p>', None),
        ('<p>&lt;img src="https://x.example/1"&gt;</p>', []),
        ('<img alt="no address"><img src="https://x.example/1">', ["https://x.example/1"]),
    ],
)
def test_images_are_found_and_replaced(body: str, addresses: list[str] | None) -> None:
    clean = sanitised(body)
    assert images(clean) == (addresses if addresses is not None else ["https://x.example/1", "http://x.example/2"])
    ours = with_images(clean, lambda place: f'https://ours.example/"{place}')
    assert images(ours) == [f'https://ours.example/"{n}' for n in range(len(images(clean)))]


def test_a_client_gets_links_of_ours_only() -> None:
    message = shown(COPY, wire.Attachment("b.pdf", "https://x.example/2", "application/pdf", None))
    given: Any = attachment_links().shown(message, Home.TICKET, "7")
    own, intercoms = (file.url.partition("?t=")[0] for file in given.attachments)
    assert own == f"https://support.example/files/{ID}"
    assert intercoms == "https://support.example/files/attachments/tickets_7_p1_1"
    assert {file.file_id for file in given.attachments} == {None}
