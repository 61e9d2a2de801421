"""The body of a reply with files: whole, and never more than a piece of it in memory."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from supportd.errors import FileStorageUnavailable
from supportd.files.storage import CHUNK_BYTES
from supportd.intercom.enclosed import Enclosed, FileToSend, ReplyBody

WORDS = {"type": "user", "body": 'See "data":""'}


class Shelf:
    """Files in chunks of some sizes; counts how many are open."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes or (CHUNK_BYTES,)
        self.open = 0
        self.most_open = 0
        self.fails = False

    def file(self, content: bytes, name: str = "a.pdf") -> FileToSend:
        @asynccontextmanager
        async def opened() -> AsyncIterator[AsyncIterator[bytes]]:
            self.open += 1
            self.most_open = max(self.open, self.most_open)
            try:
                yield self._chunks(content)
            finally:
                self.open -= 1

        return FileToSend(name, "application/pdf", len(content), opened)

    async def _chunks(self, content: bytes) -> AsyncIterator[bytes]:
        start = turn = 0
        while start < len(content):
            size = self.sizes[turn % len(self.sizes)]
            yield content[start : start + size]
            if self.fails:
                raise FileStorageUnavailable("disk")
            start, turn = start + size, turn + 1


async def whole(body: ReplyBody) -> bytes:
    return b"".join([piece async for piece in body.pieces()])


@pytest.mark.parametrize("length", range(8))
@pytest.mark.parametrize("sizes", [(1,), (2,), (3,), (1, 4, 2)])
async def test_bytes_are_sent_as_they_are_however_they_come(length: int, sizes: tuple[int, ...]) -> None:
    content = bytes(range(length))
    body = ReplyBody(WORDS, Enclosed(files=[Shelf(*sizes).file(content)]))
    sent = await whole(body)
    assert len(sent) == body.length
    [file] = json.loads(sent)["attachment_files"]
    assert base64.b64decode(file["data"], validate=True) == content


@pytest.mark.parametrize("name", ["a.pdf", '"data":"".pdf', '\\"data\\":\\"\\"', "\u2063\u20ac\U0001f4ce"])
async def test_names_and_addresses_are_told(name: str) -> None:
    shelf = Shelf()
    enclosed = Enclosed(urls=["https://x.example/1"], files=[shelf.file(b"one", name), shelf.file(b"two")])
    body = ReplyBody(WORDS, enclosed)
    sent = await whole(body)
    assert len(sent) == body.length
    assert json.loads(sent) == {
        **WORDS,
        "attachment_urls": ["https://x.example/1"],
        "attachment_files": [
            {"name": name, "content_type": "application/pdf", "data": "b25l"},
            {"name": "a.pdf", "content_type": "application/pdf", "data": "dHdv"},
        ],
    }
    assert await whole(body) == sent


async def test_words_alone_are_just_that() -> None:
    body = ReplyBody(WORDS, Enclosed())
    assert json.loads(await whole(body)) == WORDS
    assert body.length == len(await whole(body))


async def test_one_file_is_open_and_one_piece_of_it_in_memory() -> None:
    shelf = Shelf()
    body = ReplyBody(WORDS, Enclosed(files=[shelf.file(b"x" * 10 * CHUNK_BYTES) for _ in range(10)]))
    largest = max([len(piece) async for piece in body.pieces()])
    assert largest <= CHUNK_BYTES * 4 / 3 + 4
    assert shelf.most_open == 1
    assert shelf.open == 0


async def test_a_file_that_breaks_off_is_closed() -> None:
    shelf = Shelf()
    shelf.fails = True
    with pytest.raises(FileStorageUnavailable):
        await whole(ReplyBody(WORDS, Enclosed(files=[shelf.file(b"x" * 10)])))
    assert shelf.open == 0
