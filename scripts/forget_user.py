"""Exports or erases one person from every collection, file and queue, and searches for the person again.

MONGO_URI=... .venv/bin/python scripts/forget_user.py USER --export DIR --erase
"""

import argparse
import asyncio
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from supportd import logs
from supportd.errors import ConfigError, ServiceUnavailable
from supportd.stores import mongo
from supportd.stores.personal import PersonalStore
from supportd.upkeep.environment import settings_of
from supportd.upkeep.forgetting import Forgetting, storage_of
from supportd.upkeep.reporting import Reporting

FAILED, CONFIG_ERROR, STILL_NAMED = 1, 2, 3
SETTINGS = ("mongo_uri", "mongo_db", "files_backend", "files_dir", "s3_bucket", "s3_endpoint_url", "s3_region")


async def carry_out(arguments: argparse.Namespace, report: Reporting) -> dict[str, Any]:
    """Does what was asked for, and answers what there was and what is left."""
    settings = settings_of(os.environ, *SETTINGS)
    if settings["files_backend"] == "s3" and settings["s3_bucket"] is None:
        raise ConfigError("S3_BUCKET is required where FILES_BACKEND is s3")
    with closing(mongo.connect(settings["mongo_uri"])) as client, closing(storage_of(settings)) as storage:
        store = PersonalStore(client[settings["mongo_db"]])
        forgetting = Forgetting(store=store, storage=storage, progress=report.progress)
        person = await store.identify(arguments.user)
        result: dict[str, Any] = {
            "found": await forgetting.count(person),
            "intercom": {
                "contacts": sorted(person.contact_ids),
                "conversations": sorted(person.conversation_ids),
                "tickets": sorted(person.ticket_ids),
                "shared": sorted(person.shared),
            },
            "dry_run": arguments.dry_run,
        }
        if arguments.export and not arguments.dry_run:
            exported = await forgetting.export(person, arguments.export)
            result |= {"exported": exported.counts, "lost_files": exported.lost}
        if arguments.erase and not arguments.dry_run:
            result["erased"] = await forgetting.erase(person)
            result["left"] = [mention._asdict() for mention in await forgetting.search(person)]
    return result


def in_words(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    lines = []
    for what in ("found", "exported", "erased"):
        lines += [f"{what} {count} in {name}" for name, count in result.get(what, {}).items() if count]
    lines += [f"the bytes of file {id_} are gone" for id_ in result.get("lost_files", [])]
    for kind, ids in result["intercom"].items():
        lines += [f"at Intercom, {kind}: {', '.join(ids)}"] if ids else []
    lines += [f"still named in {left['collection']}: {left['id']}" for left in result.get("left", [])]
    return lines or ["nothing found"]


def main() -> int:
    """Returns 0, 1 if something failed, 2 for a bad setting or argument, 3 if something still names the person."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("user", help="the user's id")
    parser.add_argument("--export", type=Path, metavar="DIR", help="write all of it into a folder")
    parser.add_argument("--erase", action="store_true", help="erase all of it, after the export")
    parser.add_argument("--dry-run", action="store_true", help="only count")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    if not (arguments.export or arguments.erase or arguments.dry_run):
        parser.error("one of --export, --erase and --dry-run is needed")
    logs.configure(level="critical", fmt="console", stream=sys.stderr)
    report = Reporting(out=sys.stdout, err=sys.stderr, as_json=arguments.json)
    try:
        result = asyncio.run(carry_out(arguments, report))
    except ConfigError as error:
        report.trouble(f"forget_user: {error}")
        return CONFIG_ERROR
    except (ServiceUnavailable, OSError) as error:
        report.trouble(f"forget_user: {type(error).__name__}: it was cut off; it is safe to try again")
        return FAILED
    report.result(result, in_words(result))
    return STILL_NAMED if result.get("left") else 0


if __name__ == "__main__":
    sys.exit(main())
