"""`scripts/export_feedback.py` as a program."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

from tests.harness import MongoDatabase, living
from tests.scripts.running import run

NAME = "export_feedback.py"
ALWAYS = ("--since", "2020-01-01", "--until", "2099-12-31")
FORMULAS = ["=1+1, or so", "+cmd|'/C calc'", "-2+3 is one", "@SUM(A1:A9)"]


async def complain(mongo: MongoDatabase, texts: list[str]) -> None:
    async with living(mongo, webhooks=False) as world:
        for text in texts:
            body: dict[str, Any] = {"category": "funds", "description": text + ' "quoted"\nmore'}
            await world.sdk().post("/api/complaints", body, status=201)
        chat = await world.sdk().start(body="Hello")
        rating = {"stars": 4, "comment": "=HYPERLINK()", "conversationId": chat["id"]}
        await world.sdk().post("/api/csat", rating, status=201)


async def test_a_csv_has_all_and_no_formula(mongo: MongoDatabase, tmp_path: Path) -> None:
    await complain(mongo, FORMULAS)
    out = tmp_path / "all.csv"
    done = await run(NAME, *ALWAYS, "--out", str(out), "--bom", "--json", mongo=mongo)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"ratings": 1, "complaints": 4, "dry_run": False}
    assert out.stat().st_mode & 0o777 == 0o600
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == [out]
    rows = list(csv.DictReader(io.StringIO(out.read_bytes().decode("utf-8-sig"), newline="")))
    assert {row["text"] for row in rows} == {"'=HYPERLINK()", *(f'\'{text} "quoted"\nmore' for text in FORMULAS)}
    assert out.read_bytes().startswith(b"\xef\xbb\xbfkind,")


async def test_json_lines_go_to_standard_out_by_day(mongo: MongoDatabase) -> None:
    await complain(mongo, ["No money here"])
    done = await run(NAME, *ALWAYS, "--format", "json", "--what", "complaints", mongo=mongo)
    (line,) = done.stdout.splitlines()
    assert (json.loads(line)["text"], json.loads(line)["user_id"]) == ('No money here "quoted"\nmore', "alice")
    none = await run(NAME, "--since", "2020-01-01", "--until", "2020-01-02", "--dry-run", mongo=mongo)
    assert none.stdout == "would export 0 ratings, 0 complaints\n"


async def test_what_is_wrong_is_said(mongo: MongoDatabase) -> None:
    assert (await run(NAME, *ALWAYS)).stderr == "export_feedback: MONGO_URI is required\n"
    assert (await run(NAME, "--since", "yesterday", "--until", "2020-01-01", mongo=mongo)).returncode == 2
    assert (await run(NAME, "--since", "2020-01-02", "--until", "2020-01-01", mongo=mongo)).returncode == 2
    assert "--dry-run" in (await run(NAME, "--help")).stdout
