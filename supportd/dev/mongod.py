"""A real MongoDB as a child process: a replica set of one member on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import ConnectionFailure, OperationFailure

from supportd.dev import replica_set
from supportd.dev.child import Child
from supportd.dev.mongod_binary import find_mongod
from supportd.dev.ports import LOOPBACK, free_port

PRIMARY_WITHIN_S = 30.0
LOOK_EVERY_S = 0.02

OPTIONS = (
    *("--replSet", replica_set.NAME),
    *("--bind_ip", LOOPBACK),
    *("--wiredTigerCacheSizeGB", "0.25"),  # the least it takes
    *("--oplogSize", "64"),  # MB; by default a part of the free disk
    "--nounixsocket",
    "--quiet",
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    # Files of what was dropped go within seconds. By default they stay for minutes, and a suite of tests that each have
    # a database runs out of open files.
    *("--setParameter", "minSnapshotHistoryWindowInSeconds=0"),
    *("--syncdelay", "5"),  # s
    *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),  # nobody else is there to take over
)


class MongodFailed(Exception):
    """It runs here, but didn't start this time; the message has the end of its log."""


class Mongod:
    """One `mongod` on one data folder and port.

    Raises `MongodMissing` where there is no program to run. Start it from the main thread, see `die_with_parent`.
    """

    def __init__(self, data_dir: Path, *, port: int = 0) -> None:
        self.port = port or free_port()
        self.data_dir = data_dir
        binary = find_mongod(data_dir)
        self.child = Child(
            "mongod",
            [str(binary.path), *OPTIONS, "--dbpath", str(data_dir), "--port", str(self.port)],
            log=data_dir / "mongod.log",
            environ=binary.environ,
        )

    @property
    def uri(self) -> str:
        """The connection string. It names the set, so that a client waits for the primary after a restart."""
        return f"mongodb://{self._host}/?replicaSet={replica_set.NAME}"

    def start(self) -> None:
        """Starts it, again after `kill` or `stop`, without waiting."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.child.start()

    def wait_until_primary(self, *, within_s: float = PRIMARY_WITHIN_S) -> None:
        """Blocks until it takes writes.

        Raises:
            MongodFailed: it ended, or took too long.
        """
        deadline = time.monotonic() + within_s
        direct = f"mongodb://{self._host}/?directConnection=true"
        with pymongo.MongoClient[dict[str, Any]](direct, serverSelectionTimeoutMS=100) as client:
            while not self._is_primary(client):
                self._check_running()
                if time.monotonic() > deadline:
                    raise MongodFailed(f"mongod isn't ready after {within_s:g} s.\n{self.child.last_lines()}")
                time.sleep(LOOK_EVERY_S)

    def restart(self) -> None:
        """Stops it if it runs, starts it on the same port and data, and blocks until it takes writes."""
        self.stop()
        self.start()
        self.wait_until_primary()

    def kill(self) -> None:
        """Ends it with SIGKILL, as a crash would."""
        self.child.kill()

    def stop(self) -> None:
        """Ends it in order; harmless where it has ended."""
        self.child.stop()

    @property
    def _host(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def _is_primary(self, client: "pymongo.MongoClient[dict[str, Any]]") -> bool:
        try:
            return replica_set.make_primary(client, self._host)
        except (ConnectionFailure, OperationFailure):  # not yet listening, or not yet ready for commands
            return False

    def _check_running(self) -> None:
        if self.child.running:
            return
        raise MongodFailed(f"mongod ended with exit code {self.child.exit_code}.\n{self.child.last_lines()}")


@asynccontextmanager
async def running_mongod(data_dir: Path, port: int = 0) -> AsyncIterator[Mongod]:
    """A `mongod` that takes writes while the context lasts; its data stays. Port 0 takes a free one.

    Enter it in the main thread's event loop, see `Mongod`. Raises `MongodMissing` and `MongodFailed`.
    """
    mongod = Mongod(data_dir, port=port)
    mongod.start()
    try:
        await asyncio.to_thread(mongod.wait_until_primary)
        yield mongod
    finally:
        mongod.stop()
