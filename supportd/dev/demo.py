"""`supportd dev`: MongoDB, an Intercom simulator and supportd on one machine, wired to each other.

Each is a process of its own. They are started in that order and stopped in the reverse one; when one of them ends by
itself, so does the demo. What they print goes to `log/` in the data folder, the terminal is for what to try.
"""

import asyncio
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from supportd.dev import keys as key_file
from supportd.dev.child import Child
from supportd.dev.demo_config import DemoFailed, Ports, environ_of_simulator, environ_of_supportd
from supportd.dev.instructions import Addresses, instructions
from supportd.dev.keys import DamagedKeys, Keys
from supportd.dev.mongod import MongodFailed, running_mongod
from supportd.dev.mongod_binary import MongodMissing
from supportd.dev.ports import LOOPBACK

USER = "alice"
SEARCH_LAG_S = 3  # as a real workspace has it
READY_WITHIN_S = 30.0
LOOK_EVERY_S = 0.05


def main(var: Path) -> int:
    """Runs the demo with its data in `var`; 0 after Ctrl-C or SIGTERM, 1 where it can't start or a part of it ends."""
    try:
        asyncio.run(run_demo(var, environ=os.environ))
    except (DemoFailed, DamagedKeys, MongodMissing, MongodFailed, OSError) as error:
        print(f"supportd dev: {error}", file=sys.stderr)
        return 1
    return 0


async def run_demo(var: Path, *, environ: Mapping[str, str]) -> None:
    """Runs until SIGINT or SIGTERM. Must run in the main thread.

    Raises:
        DemoFailed, DamagedKeys, MongodMissing, MongodFailed: it can't start, or a part ended; the message says which.
        OSError: the data folder can't be written.
    """
    ports = Ports.from_environ(environ)
    ports.check_free()
    keys = key_file.load_or_make(var / "dev.json")
    with _ended_by_signals():
        async with AsyncExitStack() as stack:
            demo = _Demo(var, ports, keys, environ, stack)
            mongo_uri, mongod = await demo.start_mongodb()
            simulator = await demo.start_simulator()
            supportd = await demo.start_supportd(mongo_uri)
            addresses = Addresses(
                api=_url(ports.public),
                metrics=_url(ports.metrics),
                intercom=_url(ports.simulator),
                mongo=mongo_uri if mongod else "as MONGO_URI says",
            )
            await _wire(addresses)
            print(_what_to_try(addresses, keys, var), flush=True)
            await _until_one_ends([child for child in (mongod, simulator, supportd) if child])


@dataclass(frozen=True, slots=True)
class _Demo:
    """Starts the parts, and leaves it to the stack to stop them."""

    var: Path
    ports: Ports
    keys: Keys
    environ: Mapping[str, str]
    stack: AsyncExitStack

    async def start_mongodb(self) -> tuple[str, Child | None]:
        """A MongoDB of the demo's own, or where none can be had, the one that MONGO_URI names."""
        print("Starting MongoDB ...", flush=True)
        try:
            mongod = await self.stack.enter_async_context(running_mongod(self.var / "mongo", self.ports.mongod))
        except MongodMissing:
            if not self.environ.get("MONGO_URI"):
                raise
            return self.environ["MONGO_URI"], None
        return mongod.uri, mongod.child

    async def start_simulator(self) -> Child:
        """The stand-in for Intercom, with yesterday's conversations."""
        print("Starting the Intercom simulator ...", flush=True)
        simulator = Child(
            "the simulator",
            [
                *(sys.executable, "-m", "supportd.simulator"),
                *("--port", str(self.ports.simulator)),
                *("--state", str(self.var / "simulator.json")),
                *("--api-url", _url(self.ports.public)),
            ],
            log=self.var / "log" / "simulator.log",
            environ=environ_of_simulator(self.environ, self.keys),
        )
        await _start(simulator, f"{_url(self.ports.simulator)}/_sim/status", self.stack)
        return simulator

    async def start_supportd(self, mongo_uri: str) -> Child:
        """The server itself, as it is run in production."""
        print("Starting supportd ...\n", flush=True)
        supportd = Child(
            "supportd",
            [sys.executable, "-m", "supportd", "serve"],
            log=self.var / "log" / "supportd.log",
            environ=environ_of_supportd(self.environ, self.keys, ports=self.ports, mongo_uri=mongo_uri),
        )
        await _start(supportd, f"{_url(self.ports.public)}/health", self.stack)
        return supportd


async def _start(child: Child, url: str, stack: AsyncExitStack) -> None:
    """Starts it, and stops it when the stack closes. Returns once `url` answers 200."""
    child.start()
    stack.callback(child.stop)  # holds up the event loop: there is nothing else to do then
    deadline = time.monotonic() + READY_WITHIN_S
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            with suppress(httpx.TransportError):
                if (await http.get(url)).status_code == 200:
                    return
            _check_running([child])
            if time.monotonic() > deadline:
                raise DemoFailed(f"{child.name} isn't ready after {READY_WITHIN_S:g} s.\n{child.last_lines()}")
            await asyncio.sleep(LOOK_EVERY_S)


async def _wire(addresses: Addresses) -> None:
    """Tells the simulator where its webhooks go, and to find changes as late as a real search index does."""
    async with httpx.AsyncClient(base_url=addresses.intercom, trust_env=False) as http:
        settings: dict[str, dict[str, Any]] = {
            "/_sim/faults": {"search_lag_s": SEARCH_LAG_S},
            "/_sim/webhook": {"url": f"{addresses.api}/webhooks/intercom"},
        }
        try:
            for path, body in settings.items():
                (await http.post(path, json=body)).raise_for_status()
        except httpx.HTTPError as error:
            raise DemoFailed(f"The simulator can't be told where its webhooks go: {error}") from None


def _what_to_try(addresses: Addresses, keys: Keys, var: Path) -> str:
    return instructions(
        addresses=addresses,
        token=key_file.token(keys, USER),
        user=USER,
        logs=var / "log",
        curl=None if shutil.which("curl") else f"{shlex.quote(sys.executable)} -m supportd.dev.curl",
    )


async def _until_one_ends(children: Sequence[Child]) -> None:
    """Waits while all run. Raises `DemoFailed` with the name of the one that ended."""
    one_ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, one_ended.set)
    try:
        while True:
            one_ended.clear()
            _check_running(children)
            await one_ended.wait()
    finally:
        loop.remove_signal_handler(signal.SIGCHLD)


def _check_running(children: Sequence[Child]) -> None:
    for child in children:
        if not child.running:
            raise DemoFailed(
                f"{child.name} ended with exit code {child.exit_code}. The end of {child.log}:\n{child.last_lines()}"
            )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGINT and SIGTERM end the block quietly. What it does at its end isn't interrupted by a second one."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def stop() -> None:
        if not told.is_set():
            told.set()
            print("\nStopping ...", flush=True)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not told.is_set():
            raise
        task.uncancel()
        print("All stopped.", flush=True)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"
