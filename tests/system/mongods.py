"""Bare mongods, for tests that set them up by themselves."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from supportd.dev.child import Child
from supportd.dev.mongod_binary import find_mongod
from supportd.dev.ports import LOOPBACK, free_port


@contextlib.contextmanager
def bare_mongod(folder: Path, *options: str) -> Iterator[int]:
    """A mongod that is told nothing more than these options; its port."""
    port = free_port()
    binary = find_mongod(folder)
    data = folder / "data"
    data.mkdir()
    own = ("--dbpath", str(data), "--port", str(port), "--bind_ip", LOOPBACK, "--nounixsocket")
    child = Child("mongod", [str(binary.path), *own, *options], log=folder / "mongod.log", environ=binary.environ)
    child.start()
    try:
        yield port
    finally:
        child.stop()


def hello(port: int) -> dict[str, Any]:
    uri = f"mongodb://{LOOPBACK}:{port}/?directConnection=true"
    client = pymongo.MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=200)
    with contextlib.closing(client), contextlib.suppress(PyMongoError):
        return dict(client.admin.command("hello"))
    return {}


def with_key(folder: Path) -> tuple[str, str]:
    """Options for one that asks for passwords. Without a user yet it lets this machine make one."""
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text("0123456789abcdef")
    return "--keyFile", str(key)
