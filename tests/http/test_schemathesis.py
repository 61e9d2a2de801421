"""schemathesis tries what the document allows, and what it doesn't, on a live server: all checks, every operation."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from supportd import __version__
from supportd.files.signing import Purpose
from supportd.openapi.document import document
from supportd.routes import Services, routes
from tests.conformance import contract
from tests.harness import MongoDatabase, World, living
from tests.raw_uploads import link_token, uploaded
from tests.uploading import OPERATORS

ROOT = Path(__file__).parents[2]
OPTIONS = ["--checks=all", "--seed=1", "--continue-on-failure", "--no-color", "--output-truncate=false"]
FILE_ID = contract().resolved({"$ref": "#/components/parameters/fileId"})["example"]
PLACE_ID = contract().resolved({"$ref": "#/components/parameters/placeId"})["example"]
GOOD = ("200", "201", "204", "302")


async def seed(world: World) -> dict[str, str]:
    """Makes something of everything; answers which of it the ids of the document's examples shall stand for."""
    alice = world.sdk()
    conversation = await alice.start(body="Hello")
    ticket = await world.operator.make_ticket()
    device = await alice.post("/api/devices/register", {"platform": "tma", "token": "12345"}, status=200)
    file = await uploaded(alice)
    said = await world.operator.reply(conversation["id"], "See", files=[OPERATORS])
    message_id = said["conversation_parts"]["conversation_parts"][-1]["id"]
    await world.settle()
    await world.reconcile()
    made = {
        "conversationId": conversation["id"],
        "ticketId": ticket["id"],
        "deviceId": device["id"],
        "fileId": file["id"],
        "placeId": f"conversations_{conversation['id']}_{message_id}_0",
    }
    examples = {each["name"]: each["example"] for each in path_parameters()}
    return {examples[name]: made_id for name, made_id in made.items()}


def path_parameters() -> Iterator[dict[str, Any]]:
    for item in document(__version__)["paths"].values():
        yield from (contract().resolved(each) for each in item.get("parameters", ()))


async def schemathesis(world: World, folder: Path, seeded: dict[str, str]) -> tuple[int | None, str]:
    """Runs it on the world's server, as alice; answers its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(ROOT / "tests" / "schemathesis.toml")),
        *("run", f"http://127.0.0.1:{world.server.port}/openapi.json", *OPTIONS),
        *("--header", f"Authorization: Bearer {world.sdk().token}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,  # it leaves a cache there
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SEEDED": json.dumps(seeded),
            "FILE_TOKEN": link_token(world, seeded[FILE_ID]),
            "PLACE_TOKEN": link_token(world, f"attachments/{seeded[PLACE_ID]}", Purpose.CLIENT),
        },
    )
    try:
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, printed.decode()


def never_done(world: World) -> list[tuple[str, str]]:
    """The routes and verbs of which no call went well."""
    nothing: dict[str, Any] = {item.name: None for item in fields(Services)}
    return [
        (route.name, verb)
        for route in routes(Services(**nothing))
        for verb in route.verbs
        if not any(world.metric("http_requests_total", route=route.name, method=verb, status=status) for status in GOOD)
    ]


@pytest.mark.timeout(300)
async def test_the_server_does_what_the_document_says(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo) as world:
        code, printed = await schemathesis(world, tmp_path, await seed(world))
        assert never_done(world) == [], printed
        assert code == 0, printed
