"""Exports ratings and complaints of a range of days (UTC) as CSV or as JSON, an object a line.

MONGO_URI=... .venv/bin/python scripts/export_feedback.py --since 2026-01-01 --until 2026-01-31 --out january.csv
"""

import argparse
import asyncio
import os
import sys
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from supportd import logs
from supportd.errors import ConfigError, StorageUnavailable
from supportd.stores import mongo
from supportd.stores.feedback import FeedbackStore
from supportd.upkeep.environment import settings_of
from supportd.upkeep.exporting import CsvWriter, JsonWriter, written_whole
from supportd.upkeep.reporting import Reporting

KINDS = ("ratings", "complaints")


def day(text: str) -> datetime:
    """A day as ISO 8601 has it."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2026-01-31, not {text!r}") from None


async def export(arguments: argparse.Namespace, report: Reporting) -> dict[str, int]:
    """Writes what was asked for and answers how many there are of each kind."""
    settings = settings_of(os.environ, "mongo_uri", "mongo_db")
    counts = {kind: 0 for kind in KINDS if arguments.what in (kind, "both")}
    with ExitStack() as stack:
        client = stack.enter_context(closing(mongo.connect(settings["mongo_uri"])))
        store = FeedbackStore(client[settings["mongo_db"]])
        writer: CsvWriter | JsonWriter | None = None
        if not arguments.dry_run:
            out = stack.enter_context(written_whole(arguments.out)) if arguments.out else sys.stdout
            writer = CsvWriter(out, bom=arguments.bom) if arguments.format == "csv" else JsonWriter(out)
        for kind in tuple(counts):
            read = store.ratings if kind == "ratings" else store.complaints
            async for feedback in read(since=arguments.since, until=arguments.until + timedelta(days=1)):
                if writer is not None:
                    writer.write(feedback)
                counts[kind] += 1
                report.progress(kind, counts[kind])
    return counts


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    found.add_argument("--since", type=day, required=True, help="the first day")
    found.add_argument("--until", type=day, required=True, help="the last day, included")
    found.add_argument("--what", choices=(*KINDS, "both"), default="both", help="(default: both)")
    found.add_argument("--format", choices=("csv", "json"), default="csv", help="(default: csv)")
    found.add_argument("--bom", action="store_true", help="begin a CSV with a byte order mark, as Excel wants it")
    found.add_argument("--out", type=Path, help="a file, made whole or not at all, mode 0600 (default: standard out)")
    found.add_argument("--dry-run", action="store_true", help="only count")
    found.add_argument("--json", action="store_true", help="print the counts as JSON")
    return found


def main() -> int:
    """Returns 0, 1 if MongoDB or the file failed, 2 for a bad setting or argument."""
    arguments = parser().parse_args()
    if arguments.until < arguments.since:
        parser().error("--until: must not be before --since")
    logs.configure(level="critical", fmt="console", stream=sys.stderr)
    said = sys.stderr if arguments.out is None and not arguments.dry_run else sys.stdout
    if said is sys.stderr:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    report = Reporting(out=said, err=sys.stderr, as_json=arguments.json)
    try:
        counts = asyncio.run(export(arguments, report))
    except ConfigError as error:
        report.trouble(f"export_feedback: {error}")
        return 2
    except StorageUnavailable:
        report.trouble("export_feedback: MongoDB can't be reached, or failed meanwhile; it is safe to try again")
        return 1
    except OSError as error:
        report.trouble(f"export_feedback: the file can't be written: {error.strerror}")
        return 1
    did = "would export" if arguments.dry_run else "exported"
    words = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    report.result({**counts, "dry_run": arguments.dry_run}, [f"{did} {words}"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
