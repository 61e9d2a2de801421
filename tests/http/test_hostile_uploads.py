"""Uploads made by hand to break something: what is said of their length, their coding, their names and their parts.

Each is answered or cut off, never left hanging; nothing of it stays, and the server goes on.
"""

import contextlib
import gzip
from pathlib import Path

from supportd.files.names import MAX_CHARS
from tests.files import makers
from tests.harness import MongoDatabase, World, living
from tests.raw_uploads import BOUNDARY, END, MULTIPART, PNG, UPLOAD, Line, line, part, try_body, uploaded
from tests.waiting import eventually

BODY = part() + END
MIB = 2**20
CHUNKED = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"


def files_of(world: World, folder: str) -> list[Path]:
    return [path for path in (Path(world.settings.files_dir) / folder).rglob("*") if path.is_file()]


async def send(connection: Line, world: World, body: bytes, *headers: str, content_type: str = MULTIPART) -> None:
    """An upload with these headers alone to tell where its body ends."""
    head = [
        f"POST {UPLOAD} HTTP/1.1",
        "Host: supportd",
        f"Authorization: Bearer {world.sdk().token}",
        f"Content-Type: {content_type}",
        *headers,
    ]
    await connection.send("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)


LENGTH = f"Content-Length: {len(BODY)}"
FRAMINGS = {
    "a length and chunks": (CHUNKED, [LENGTH, "Transfer-Encoding: chunked"]),
    "chunks and a length": (CHUNKED, ["Transfer-Encoding: chunked", "Content-Length: 3"]),
    "two lengths": (BODY, [LENGTH, f"Content-Length: {len(BODY) + 1}"]),
    "a list of lengths": (BODY, [f"{LENGTH}, {len(BODY) + 1}"]),
    "a length below zero": (BODY, ["Content-Length: -1"]),
    "a length with a sign": (BODY, [f"Content-Length: +{len(BODY)}"]),
    "a length in hexadecimals": (BODY, [f"Content-Length: {len(BODY):#x}"]),
    "a length with an underscore": (BODY, ["Content-Length: 1_0"]),
    "no number": (BODY, ["Content-Length: many"]),
    "a coding that there isn't": (CHUNKED, ["Transfer-Encoding: xchunked"]),
    "two codings": (CHUNKED, ["Transfer-Encoding: gzip, chunked"]),
    "the coding twice": (CHUNKED, ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]),
    "a space before the colon": (CHUNKED, ["Transfer-Encoding : chunked"]),
    "a chunk without a number": (b"zz\r\n" + BODY, ["Transfer-Encoding: chunked"]),
    "a chunk below zero": (b"-5\r\n" + BODY, ["Transfer-Encoding: chunked"]),
    "a chunk longer than it says": (b"5\r\n" + BODY, ["Transfer-Encoding: chunked"]),
    "a chunk with a long extension": (b"5;" + b"x" * 1000 + b"\r\n", ["Transfer-Encoding: chunked"]),
    "a huge chunk": (b"f" * 60 + b"\r\n" + BODY, ["Transfer-Encoding: chunked"]),
}


async def test_a_body_without_a_clear_end_closes_the_connection(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for framing, (body, headers) in FRAMINGS.items():
            async with line(world) as connection:
                await send(connection, world, body, *headers)
                answer = b""
                with contextlib.suppress(ConnectionError):
                    answer = await connection.reader.read()
            assert answer.startswith(b"HTTP/1.1 400 ") or not answer, framing
            assert answer.count(b"HTTP/1.1") <= 1, f"{framing}: the rest isn't taken for another request"
        await eventually(lambda: world.server.lifecycle.under_way == 0)
        assert files_of(world, "incoming") == files_of(world, "stored") == []
        await uploaded(world.sdk())


async def test_a_length_that_is_too_small_cuts_the_file_off(mongo: MongoDatabase) -> None:
    async with living(mongo) as world, line(world) as connection:
        await send(connection, world, BODY, f"Content-Length: {len(BODY) - 10}")
        status, _, _ = await connection.answer()
        assert status == 400
        await connection.send(b"\r\n\r\n")  # the ten bytes that are left are no request
        assert (await connection.reader.read()).startswith(b"HTTP/1.1 400 ")
        assert files_of(world, "incoming") == files_of(world, "stored") == []


async def test_a_length_that_is_too_large_keeps_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        async with line(world) as connection:
            await send(connection, world, BODY, f"Content-Length: {len(BODY) + 10}")
            await eventually(lambda: files_of(world, "incoming"))
        await eventually(lambda: not files_of(world, "incoming"))
        assert files_of(world, "stored") == []


async def test_a_compressed_body_is_refused_by_name(mongo: MongoDatabase) -> None:
    async with living(mongo) as world, line(world) as connection:
        body = gzip.compress(BODY)
        await send(connection, world, body, f"Content-Length: {len(body)}", "Content-Encoding: gzip")
        status, _, answer = await connection.answer()
        assert (status, b"Content-Encoding" in answer) == (400, True)
        assert files_of(world, "incoming") == []


async def test_who_waits_for_leave_to_send_gets_it(mongo: MongoDatabase) -> None:
    async with living(mongo) as world, line(world) as connection:
        await send(connection, world, b"", LENGTH, "Expect: 100-continue")
        assert (await connection.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await connection.send(BODY)
        assert (await connection.answer())[0] == 201


async def test_uploads_one_after_the_other_on_one_connection(mongo: MongoDatabase) -> None:
    async with living(mongo) as world, line(world) as connection:
        await send(connection, world, BODY, LENGTH)
        await send(connection, world, CHUNKED, "Transfer-Encoding: chunked")
        await send(connection, world, BODY[:-20] + END, f"Content-Length: {len(BODY) - 20 + len(END)}")
        await send(connection, world, BODY, LENGTH)
        statuses = [(await connection.answer())[0] for _ in range(4)]
        assert statuses == [201, 201, 400, 201]
        assert len(files_of(world, "stored")) == 3


TYPES = [
    f"{MULTIPART}\r\nContent-Type: {MULTIPART}",
    f"{MULTIPART}\r\nContent-Type: text/html",
    f"multipart/form-data, {MULTIPART}",
    f"{MULTIPART}; boundary=another",
    f"{MULTIPART}; BOUNDARY={BOUNDARY}",
    f"multipart/form-data; boundary*=utf-8''{BOUNDARY}",
    f"multipart/form-data; boundary*0=a-; boundary*1=boundary; x={BOUNDARY}",
    f"multipart/form-data; boundary={'b' * 71}",
    "multipart/form-data; boundary=\xff",
    f"multipart/form-data; x={'y' * 10_000}; boundary={BOUNDARY}",
    f"multipart/mixed; boundary={BOUNDARY}",
    f"application/x-www-form-urlencoded; boundary={BOUNDARY}",
]


async def test_a_type_that_can_be_read_in_two_ways_is_refused(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for content_type in TYPES:
            async with line(world) as connection:
                await send(connection, world, BODY, LENGTH, content_type=content_type)
                status, _, answer = await connection.answer()
            assert (status, b'"bad_request"' in answer) == (400, True), content_type
        assert files_of(world, "stored") == []


NAMES = [
    ("filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd.png"),
    ("filename*=UTF-8''%2e%2e%5c%2e%2e%5cwin.ini", "win.ini.png"),
    ("filename*=UTF-8''a%00b.png", "ab.png"),
    ("filename*=UTF-8''a%0d%0aSet-Cookie%3A%20x%3Dy.png", "aSet-Cookie: x=y.png"),
    ("filename*=UTF-8''%E2%80%AEgnp.exe", "gnp.exe.png"),
    ("filename*=UTF-8''%C0%AE%C0%AE%C0%AFx.png", "����\ufffd\ufffdx.png"),
    ('filename="/etc/cron.d/x.png"', "x.png"),
    ('filename="..\\..\\x.png"', "x.png"),
    ('filename="%2e%2e%2fx.png"', "%2e%2e%2fx.png"),
    ('filename="..."', "file.png"),
    ('filename="x.png."', "x.png"),
    ('filename="CON"', "CON.png"),
    ("filename=\"a.png\"; filename*=UTF-8''b.html", "b.html.png"),
    ('filename="a%22; filename=%22b.html"', 'a"; filename="b.html.png'),
    (f'filename="{"é" * 1900}.png"', "é" * (MAX_CHARS - 4) + ".png"),
    ("x=y", "file.png"),
]


async def test_a_name_leads_nowhere(mongo: MongoDatabase) -> None:
    async with living(mongo, write_rate_limit_per_minute=1000) as world:
        for disposition, name in NAMES:
            body = part(disposition=f'form-data; name="file"; {disposition}') + END
            response = await try_body(world.sdk(), body)
            assert (response.status_code, response.json()["name"]) == (201, name)
            got = await world.sdk().call("GET", f"/api/files/{response.json()['id']}")
            assert "Set-Cookie" not in got.headers
            assert got.headers["Content-Disposition"].count('"') == 2
        stored = Path(world.settings.files_dir) / "stored"
        assert {path.parent.parent for path in files_of(world, ".")} == {stored}


PARTS = {
    "10,000 parts": part(b"") * 10_000 + END,
    "a header of a megabyte": part(more=f"X: {'y' * MIB}\r\n") + END,
    "a thousand headers": part(more="".join(f"X-{n}: y\r\n" for n in range(1000))) + END,
    "no disposition": f"--{BOUNDARY}\r\nContent-Type: image/png\r\n\r\n".encode() + PNG + b"\r\n" + END,
    "a folded header": part(more="X: a\r\n b\r\n") + END,
    "line feeds alone": BODY.replace(b"\r\n", b"\n"),
    "a megabyte before": b"x" * MIB + b"\r\n" + BODY,
    "a form within": part(b"--c\r\n\r\n--c--", more="Content-Type: multipart/mixed; boundary=c\r\n") + END,
    "base64": part(b"iVBORw0KGgo=", more="Content-Transfer-Encoding: base64\r\n") + END,
    "quoted-printable": part(more="Content-Transfer-Encoding: Quoted-Printable\r\n") + END,
    "the field's name twice": part(disposition='form-data; name="file"; name="x"; filename="a.png"') + END,
    "two names of the file": part(disposition='form-data; name="file"; filename="a.png"; filename="b.exe"') + END,
    "a field beside the file": part() + part(b"x", disposition='form-data; name="x"') + END,
}


async def test_anything_but_one_plain_file_is_refused(mongo: MongoDatabase) -> None:
    async with living(mongo, write_rate_limit_per_minute=1000) as world:
        for parts, body in PARTS.items():
            assert (await try_body(world.sdk(), body)).status_code == 400, parts
        await eventually(lambda: world.server.lifecycle.under_way == 0)
        assert files_of(world, "incoming") == files_of(world, "stored") == []


async def test_a_file_that_is_full_of_boundaries_comes_through(mongo: MongoDatabase) -> None:
    data = makers.png(
        chunks=makers.IDAT + makers.chunk(b"prVt", f"\r\n--{BOUNDARY[:-1]}\r\n--{BOUNDARY[:3]}--".encode() * 9000)
    )
    async with living(mongo) as world:
        response = await try_body(world.sdk(), part(data) + END)
        assert (response.status_code, response.json()["size"]) == (201, len(data))
