"""A bare Tornado server on the same loop: the least a `RequestHandler` can do. `bare.py PORT FILE` answers the file."""

import asyncio
import sys
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from supportd.loop import run


class Bare(RequestHandler):
    """Answers always the same."""

    def initialize(self, *, body: bytes) -> None:
        """Takes what to answer."""
        self.body = body

    def get(self) -> None:
        """Answers it."""
        self.set_header("Content-Type", "application/json")
        self.finish(self.body)


async def serve(port: int, body: bytes) -> None:
    """Serves until killed."""
    server = HTTPServer(Application([("/", Bare, {"body": body})], log_function=lambda _: None))
    server.add_sockets(bind_sockets(port, "127.0.0.1"))
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
