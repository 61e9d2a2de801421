"""Parts of files, conditional requests, and signed links."""

import asyncio
import contextlib
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from supportd.files.signing import Purpose
from supportd.handlers import files
from tests.harness import MongoDatabase, World, living
from tests.raw_uploads import PNG, line, link_token, uploaded
from tests.waiting import eventually

TEXT = "".join(f"{number}\n" for number in range(20_000)).encode()
SIZE = len(TEXT)


class Another(StrEnum):
    """What a link to a file isn't signed for."""

    PURPOSE = "another"


async def by_link(world: World, file_id: str, link_token: str | None, **options: Any) -> httpx.Response:
    params = {} if link_token is None else {"t": link_token}
    return await world.http.request(options.pop("method", "GET"), f"/files/{file_id}", params=params, **options)


# Parts


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=70000-80000", 70_000, 80_001),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("bytes=100-", 100, SIZE),
        ("bytes=-10", SIZE - 10, SIZE),
        ("BYTES=5-9", 5, 10),
        (f"bytes=10-{10**17}", 10, SIZE),
        (f"bytes=-{10**17}", 0, SIZE),
        ("bytes=0-", 0, SIZE),
    ],
)
async def test_a_part(mongo: MongoDatabase, asked: str, start: int, end: int) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), TEXT, "a.txt")
        got = await world.sdk().call("GET", f"/api/files/{file['id']}", headers={"Range": asked})
        assert got.status_code == 206
        assert got.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
        assert got.content == TEXT[start:end]


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,5-6",
        "lines=0-1",
        "bytes=5-2",
        "bytes=-",
        "bytes=a-b",
        "bytes 0-1",
        "bytes=--1",
        f"bytes={'9' * 5000}-",
    ],
)
async def test_what_is_no_single_range_gets_the_whole(mongo: MongoDatabase, asked: str) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), TEXT, "a.txt")
        got = await world.sdk().call("GET", f"/api/files/{file['id']}", headers={"Range": asked})
        assert (got.status_code, got.content) == (200, TEXT)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0"])
async def test_a_part_beyond_the_end(mongo: MongoDatabase, asked: str) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), TEXT, "a.txt")
        own = await world.sdk().call("GET", f"/api/files/{file['id']}", headers={"Range": asked})
        linked = await by_link(world, file["id"], link_token(world, file["id"]), headers={"Range": asked})
        for got in (own, linked):
            assert got.status_code == 416
            assert got.headers["Content-Range"] == f"bytes */{SIZE}"
            assert got.json()["error"] == "bad_request"
            assert "Content-Disposition" not in got.headers


async def test_a_part_of_what_one_has(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), TEXT, "a.txt")
        path = f"/api/files/{file['id']}"
        etag = (await world.sdk().call("HEAD", path)).headers["ETag"]
        statuses = [
            (await world.sdk().call("GET", path, headers={"Range": "bytes=0-1", "If-Range": version})).status_code
            for version in (etag, '"another"', f"W/{etag}", "Sat, 29 Oct 1994 19:43:31 GMT")
        ]
        assert statuses == [206, 200, 200, 200]


async def test_a_head_tells_what_a_get_would(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), TEXT, "a.txt")
        for path in (f"/api/files/{file['id']}", f"/files/{file['id']}?t={link_token(world, file['id'])}"):
            got = await world.sdk().call("GET", path)
            told = await world.sdk().call("HEAD", path, headers={"Range": "bytes=0-1"})
            assert told.status_code == 200
            assert told.content == b""
            changing = {"date", "x-request-id", "ratelimit"}
            assert {n: v for n, v in told.headers.items() if n not in changing} == {
                n: v for n, v in got.headers.items() if n not in changing
            }


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_has_it_isnt_sent_it_again(mongo: MongoDatabase, method: str) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk())
        for path in (f"/api/files/{file['id']}", f"/files/{file['id']}?t={link_token(world, file['id'])}"):
            first = await world.sdk().call("GET", path)
            etag = first.headers["ETag"]
            for known in (etag, f'"a", W/{etag}', "*"):
                got = await world.sdk().call(method, path, headers={"If-None-Match": known})
                assert (got.status_code, got.content, got.headers["ETag"]) == (304, b"", etag)
                assert got.headers["Cache-Control"] == first.headers["Cache-Control"]
            assert (await world.sdk().call(method, path, headers={"If-None-Match": '"a"'})).status_code == 200
        other = await uploaded(world.sdk())
        assert (await world.sdk().call("HEAD", f"/api/files/{other['id']}")).headers["ETag"] != etag


# Headers


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("HEAD", {}, 200),
        ("GET", {"Range": "bytes=0-1"}, 206),
        ("GET", {"If-None-Match": "*"}, 304),
        ("HEAD", {"If-None-Match": "*"}, 304),
        ("GET", {"Range": "bytes=999999999-"}, 416),
        ("GET", {"Authorization": "Bearer x"}, 401),
    ],
)
async def test_whatever_the_answer_a_page_can_do_nothing_with_it(
    mongo: MongoDatabase, method: str, headers: dict[str, str], status: int
) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk())
        own, link = f"/api/files/{file['id']}", f"/files/{file['id']}?t={link_token(world, file['id'])}"
        expected = [(own, status, "same-origin"), (link, 200 if status == 401 else status, "cross-origin")]
        absent = [(f"/api/files/{'0' * 32}", 404, "same-origin"), (f"/files/{file['id']}?t=x", 404, "cross-origin")]
        for path, code, policy in expected if status == 401 else expected + absent:
            got = await world.sdk().call(method, path, headers=headers)
            assert got.status_code == code
            assert got.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert got.headers["Cross-Origin-Resource-Policy"] == policy
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            assert {"private", "no-store"} & set(got.headers["Cache-Control"].split(", "))


# Links


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_a_link_works_for_whoever_has_it(mongo: MongoDatabase, purpose: Purpose) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), name="me.png")
        got = await by_link(world, file["id"], link_token(world, file["id"], purpose))
        assert (got.status_code, got.content) == (200, PNG)
        assert got.headers["Content-Type"] == "image/png"
        assert got.headers["Content-Disposition"] == 'inline; filename="me.png"'
        assert got.headers["Cache-Control"] == "private, max-age=3600"
        assert got.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert got.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "RateLimit" not in got.headers


async def test_whatever_is_wrong_with_a_link_the_answer_is_the_same(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file, other = await uploaded(world.sdk()), await uploaded(world.sdk())
        good = link_token(world, file["id"])
        absent = "0" * 32
        wrong = {
            "missing": (file["id"], None),
            "empty": (file["id"], ""),
            "forged": (file["id"], good[:-1] + ("A" if good[-1] != "A" else "B")),
            "another key": (file["id"], "00000000" + good[8:]),
            "longer": (file["id"], good + "A"),
            "shorter": (file["id"], good[:-1]),
            "cut in two": (file["id"], good.rpartition(".")[0]),
            "later": (file["id"], good.replace(".", ".9", 1)),
            "other digits": (file["id"], good[:9] + chr(0x0661) + good[10:]),
            "another's signature": (file["id"], good[:-43] + link_token(world, other["id"])[-43:]),
            "expired": (file["id"], link_token(world, file["id"], ttl_s=-1)),
            "another file's": (file["id"], link_token(world, other["id"])),
            "another purpose": (file["id"], link_token(world, file["id"], cast("Purpose", Another.PURPOSE))),
            "absent": (absent, link_token(world, absent)),
            "strange": (file["id"], "\x00\r\n\u00e4\ud7ff%"),
            "long": (file["id"], "1" * 10_000),
        }
        for method in ("GET", "HEAD"):
            answers = {name: await by_link(world, *link, method=method) for name, link in wrong.items()}
            assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(wrong, 404)
            assert len({answer.content for answer in answers.values()}) == 1
            assert len({tuple(answer.headers) for answer in answers.values()}) == 1
            assert {answer.headers["Cache-Control"] for answer in answers.values()} == {"no-store"}
        twice = await world.http.get(f"/files/{file['id']}?t={good}&t={good}")
        assert twice.status_code == 404


async def test_a_link_ends(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk())
        good = link_token(world, file["id"], ttl_s=600)
        world.clock.advance(500)
        assert (await by_link(world, file["id"], good)).status_code == 200
        world.clock.advance(200)
        assert (await by_link(world, file["id"], good)).status_code == 404


# Clients that are slow, or leave


async def test_who_takes_nothing_is_cut_off(mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SEND_S", 0.1)
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), TEXT * 150, "a.txt")
        async with line(world) as connection:
            await connection.send(request(world, file["id"]))
            await eventually(lambda: world.metric("http_requests_total", route="file", method="GET", status="200") == 1)
            assert world.server.lifecycle.under_way == 0
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await connection.answer()


async def test_who_leaves_is_forgotten(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), TEXT * 150, "a.txt")
        async with line(world) as connection:
            await connection.send(request(world, file["id"]))
            await eventually(lambda: len(open_files(world)) == 1)
        await eventually(lambda: world.server.lifecycle.under_way == 0)
        assert open_files(world) == []
        got = await world.sdk().call("GET", f"/api/files/{file['id']}")
        assert got.content == TEXT * 150


def open_files(world: World) -> list[str]:
    """Stored files that this process has open, see proc(5)."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(handle.readlink()))
    return [path for path in found if path.startswith(f"{world.settings.files_dir}/stored/") and Path(path).is_file()]


def request(world: World, file_id: str) -> bytes:
    return (
        f"GET /api/files/{file_id} HTTP/1.1\r\nHost: supportd\r\nAuthorization: Bearer {world.sdk().token}\r\n\r\n"
    ).encode()
