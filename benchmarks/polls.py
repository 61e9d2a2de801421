"""What a poll costs: polls with nothing new against a bare Tornado handler that returns the same bytes, in one run.

    make bench

Both servers run in processes of their own and get the same load from the same client: keep-alive connections, one
request after the other on each. CPU seconds are the server process's own, from the operating system.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, StreamClosedError
from tornado.netutil import bind_sockets
from tornado.tcpclient import TCPClient
from tornado.web import Application, RequestHandler

from supportd.dev.child import Child
from supportd.dev.mongod import Mongod
from supportd.dev.ports import free_port
from tests.harness import MongoDatabase
from tests.system.processes import processes

ROUNDS = 5


class Bare(RequestHandler):
    """The least a Tornado handler can do."""

    def initialize(self, *, body: bytes) -> None:
        """Takes what to answer."""
        self.body = body

    def get(self) -> None:
        """Answers it."""
        self.set_header("Content-Type", "application/json")
        self.finish(self.body)


async def serve_bare(port: int, body: bytes) -> None:
    """Serves the bare handler until killed."""
    server = HTTPServer(Application([("/", Bare, {"body": body})], log_function=lambda _: None))
    server.add_sockets(bind_sockets(port, "127.0.0.1"))
    await asyncio.Event().wait()


async def load(port: int, request: bytes, *, requests: int, connections: int) -> None:
    """Sends the request over and over and reads each answer, by its Content-Length."""
    streams = [await TCPClient().connect("127.0.0.1", port) for _ in range(connections)]

    async def one(stream: IOStream) -> None:
        for _ in range(requests // connections):
            await stream.write(request)
            head = await stream.read_until(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await stream.read_bytes(int(length))

    try:
        await asyncio.gather(*map(one, streams))
    except StreamClosedError as error:
        raise SystemExit("the server closed the connection") from error
    finally:
        for stream in streams:
            stream.close()


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(child: Child, port: int, request: bytes, *, requests: int) -> dict[str, float]:
    """CPU milliseconds a request and requests a second."""
    cpu, began = cpu_s(child.pid), time.perf_counter()
    await load(port, request, requests=requests, connections=16)
    took = time.perf_counter() - began
    return {"cpu_ms": (cpu_s(child.pid) - cpu) * 1000 / requests, "per_s": requests / took}


async def compare(folder: Path, *, requests: int) -> list[dict[str, Any]]:
    """Several rounds, the two in turn."""
    mongod = Mongod(folder / "mongo")
    mongod.start()
    mongod.wait_until_primary()
    try:
        database = MongoDatabase(mongod.uri, "benchmark", folder / "files")
        async with processes(database.uri, database.name, folder, RATE_LIMIT_PER_MINUTE="1000000") as running:
            alice = running.sdk()
            chat = await alice.start(body="Hello")
            path = f"/api/conversations/{chat['id']}/poll?since={chat['latestTimestamp']}"
            answer: httpx.Response = await alice.call("GET", path)
            port = free_port()
            body_file = folder / "body"
            body_file.write_bytes(answer.content)
            command = [sys.executable, __file__, "--bare", str(port), str(body_file)]
            environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
            bare = Child("bare", command, log=folder / "bare.log", environ=environ)
            bare.start()
            await wait_for(port)
            poll = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n".encode()
            plain = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
            api_port = int(running.api.rpartition(":")[2])
            rounds = []
            for _ in range(ROUNDS):
                ours = await measure(running.supportd, api_port, poll, requests=requests)
                theirs = await measure(bare, port, plain, requests=requests)
                rounds.append({"poll": ours, "bare": theirs, "cpu_ratio": ours["cpu_ms"] / theirs["cpu_ms"]})
            bare.stop()
            return rounds
    finally:
        mongod.stop()


async def wait_for(port: int) -> None:
    """Until somebody listens on the port."""
    for _ in range(200):
        try:
            (await TCPClient().connect("127.0.0.1", port)).close()
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return
    raise SystemExit("the bare server didn't start")


def main() -> None:
    """Prints each round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=8_000, help="requests a round and server (default: 8000)")
    parser.add_argument("--bare", nargs=2, metavar=("PORT", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        asyncio.run(serve_bare(int(arguments.bare[0]), Path(arguments.bare[1]).read_bytes()))
        return
    with tempfile.TemporaryDirectory() as folder:
        rounds = asyncio.run(compare(Path(folder), requests=arguments.requests))
    for one in rounds:
        print(json.dumps(one))
    middle = sorted(rounds, key=lambda one: one["cpu_ratio"])[len(rounds) // 2]
    print(
        f"median: a poll costs {middle['cpu_ratio']:.2f} times a bare handler's CPU ({middle['poll']['cpu_ms']:.3f} ms)"
    )


if __name__ == "__main__":
    main()
