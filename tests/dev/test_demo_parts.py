"""What the demo is made of: keys, ports, environments, and lines to paste."""

import asyncio
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from supportd.clock import Clock
from supportd.config import Settings
from supportd.dev import keys as key_file
from supportd.dev.demo import run_demo
from supportd.dev.demo_config import DemoFailed, Ports, environ_of_supportd
from supportd.dev.instructions import Addresses, instructions
from supportd.dev.keys import DamagedKeys, Keys
from supportd.dev.ports import free_port, is_free
from supportd.identity import Identifier
from tests.harness import simulating

ADDRESSES = Addresses(api="http://a", metrics="http://b", intercom="http://c", mongo="mongodb://d")


def test_keys_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "dev.json"
    keys = key_file.load_or_make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key_file.load_or_make(path) == keys
    assert key_file.load_or_make(tmp_path / "other.json") != keys


def test_damaged_keys_are_named(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text("{")
    with pytest.raises(DamagedKeys, match=r"dev\.json can't be read"):
        key_file.load_or_make(path)


def test_the_token_holds_for_thirty_days() -> None:
    keys = Keys()
    identifier = Identifier(secrets=(keys.jwt_secret,), issuer=None, audience=None, clock=Clock())
    identity = identifier.identify(f"Bearer {key_file.token(keys, 'alice')}")
    assert identity.user_id == "alice"
    assert 29 < (identity.expires_at - Clock().time()) / 86400 <= 30


@pytest.mark.parametrize("base", ["x", "80", "65001", "-5", "1e4"])
def test_a_bad_port_base_is_named(base: str) -> None:
    with pytest.raises(DemoFailed, match="DEV_PORT_BASE must be a number from 1024 to 65000"):
        Ports.from_environ({"DEV_PORT_BASE": base})


def test_ports_are_the_documented_ones() -> None:
    ports = Ports.from_environ({})
    assert (ports.public, ports.metrics, ports.mongod, ports.simulator) == (41100, 41101, 41117, 41180)


@pytest.mark.parametrize("offset", [0, 1, 17, 80])
async def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path, offset: int) -> None:
    base = free_port(1, 17, 80)
    with socket.create_server(("127.0.0.1", base + offset)):
        assert not is_free(base + offset)
        with pytest.raises(DemoFailed, match=rf"^Port {base + offset}, for .* is in use: [^\n]*DEV_PORT_BASE=\d+\.$"):
            await run_demo(tmp_path, environ={"DEV_PORT_BASE": str(base)})


def test_supportd_is_told_of_the_demo_and_nothing_else() -> None:
    around = {"JWT_ISSUER": "x", "JWT_SECRET": "theirs", "PATH": "/bin", "LOG_LEVEL": "debug", "MONGO_DB": "production"}
    environ = environ_of_supportd(around, Keys(), ports=Ports(2000), mongo_uri="mongodb://m")
    settings = Settings.from_environ(environ)
    assert environ["PATH"] == "/bin"
    assert settings.jwt_issuer is None
    assert settings.jwt_secret != "theirs"
    assert (settings.port, settings.metrics_port, settings.log_level) == (2000, 2001, "debug")
    assert (settings.mongo_uri, settings.mongo_db) == ("mongodb://m", "supportd_demo")


def test_lines_to_paste_are_safe_in_zsh_too() -> None:
    text = instructions(addresses=ADDRESSES, token="t", user="alice", logs=Path("var/log"), curl=None)
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert comments
    assert [line for line in comments if set(line) & set("'\"?*[]()`;&|<>!$\\")] == []
    assert "curl()" not in text
    assert 'curl() { stand-in "$@"; }' in instructions(
        addresses=ADDRESSES, token="t", user="alice", logs=Path("var/log"), curl="stand-in"
    )


async def test_the_stand_in_for_curl_gets_and_posts() -> None:
    async with simulating() as simulator:
        body = '{"external_id": "alice", "body": "Hello"}'
        posted = await curl(f"{simulator.base_url}/_sim/conversations", "-s", "-d", body)
        assert '"type":"conversation"' in posted
        gotten = await curl("-s", f"{simulator.base_url}/me", "-H", "Authorization: Bearer test-access-token")
        assert '"type":"admin"' in gotten


def test_the_stand_in_for_curl_fails_as_curl_does() -> None:
    command = [sys.executable, "-m", "supportd.dev.curl", f"http://127.0.0.1:{free_port()}"]
    assert subprocess.run(command, check=False).returncode == 7


async def curl(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "supportd.dev.curl", *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()
