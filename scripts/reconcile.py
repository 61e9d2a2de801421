"""Compares all of MongoDB with Intercom, and repairs what differs: contacts, conversations, tickets, tags of ratings.

.venv/bin/python scripts/reconcile.py             (with the environment of `supportd serve`; add --repair to repair)
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

from supportd import logs
from supportd.clock import Clock
from supportd.config import bounded
from supportd.errors import ConfigError, IntercomRefused, IntercomUnavailable, StorageUnavailable
from supportd.upkeep.checkpoint import Checkpoint
from supportd.upkeep.differences import counted
from supportd.upkeep.environment import settings_of
from supportd.upkeep.reconciling import Reconciling
from supportd.upkeep.reporting import Reporting

CUT_OFF, CONFIG_ERROR, DIFFERENT = 1, 2, 3
SETTINGS = (
    "mongo_uri",
    "mongo_db",
    "intercom_access_token",
    "intercom_admin_id",
    "intercom_base_url",
    "intercom_rate_per_minute",
    "intercom_timeout",
)
MOST_NAMED = 50  # differences in the report for people; JSON has all


async def reconcile(arguments: argparse.Namespace, report: Reporting) -> dict[str, Any]:
    """Compares, repairs where that was asked for, and answers what there was."""
    settings = settings_of(os.environ, *SETTINGS)
    if arguments.fresh:
        arguments.checkpoint.unlink(missing_ok=True)
    about = f"{settings['mongo_db']} and {settings['intercom_base_url']}"
    async with AsyncExitStack() as stack:
        checkpoint = stack.enter_context(closing(Checkpoint(arguments.checkpoint, about=about)))
        reconciling = Reconciling(
            settings, checkpoint, settled_s=arguments.settled, share=arguments.share, report=report, clock=Clock()
        )
        stack.push_async_callback(reconciling.close)
        await reconciling.compare(patience_s=arguments.patience)
        differences = list(checkpoint.differences())
        if arguments.repair and not arguments.dry_run:
            await reconciling.repair()
        result = {
            "resumed": checkpoint.resumed,
            "compared": checkpoint.compared(),
            "differences": [each._asdict() for each in differences],
            "counts": counted(differences),
            "repaired": len(differences) if arguments.repair and not arguments.dry_run else 0,
            "dry_run": arguments.dry_run,
        }
        checkpoint.remove()
    return result


def in_words(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    compared = ", ".join(f"{count:,} {step}" for step, count in result["compared"].items() if count)
    lines = [f"compared: {compared or 'nothing'}"]
    lines += [f"{count:,} x {what}" for what, count in result["counts"].items()]
    for each in result["differences"][:MOST_NAMED]:
        lines.append(f"{each['kind']} {each['id']}: {each['what']} {each['detail']}".rstrip())
    if len(result["differences"]) > MOST_NAMED:
        lines.append("... and more; --json has them all")
    if not result["differences"]:
        return [*lines, "no difference"]
    if result["repaired"]:
        lines.append(f"{result['repaired']:,} repairs queued; supportd does them now, or at its next start")
    if result["repaired"] and any(each["kind"] == "contact" for each in result["differences"]):
        lines.append("restart supportd: it keeps in memory which contact a user is")
    return lines


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    found.add_argument("--repair", action="store_true", help="queue a repair of each difference, for supportd to do")
    found.add_argument("--dry-run", action="store_true", help="repair nothing, whatever else is asked for")
    found.add_argument("--json", action="store_true", help="print the report as JSON")
    found.add_argument(
        "--share",
        type=_number(0.001, 1),
        default=0.25,
        help="the part of INTERCOM_RATE_PER_MINUTE that may be used, 0.001 to 1 (default: 0.25)",
    )
    found.add_argument(
        "--settled",
        type=_number(0, 86400),
        default=300.0,
        metavar="SECONDS",
        help="leave out what changed so recently; supportd may not have heard of it yet (default: 300)",
    )
    found.add_argument(
        "--patience",
        type=_number(0, 86400),
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for an Intercom that is away (default: 60)",
    )
    found.add_argument(
        "--checkpoint",
        type=Path,
        default=Path("var/reconcile.sqlite"),
        help="where it is kept how far it has come; gone when all is done (default: var/reconcile.sqlite)",
    )
    found.add_argument("--fresh", action="store_true", help="forget what was compared before, and begin again")
    return found


def _number(low: float, high: float) -> Callable[[str], float]:
    read = bounded(float, low, high)

    def checked(text: str) -> float:
        try:
            return float(read(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def main() -> int:
    """Returns 0 if all is the same or its repair is queued, 1 if cut off, 2 for a bad setting, 3 if it differs."""
    arguments = parser().parse_args()
    logs.configure(level="critical", fmt="console", stream=sys.stderr)
    report = Reporting(out=sys.stdout, err=sys.stderr, as_json=arguments.json)
    try:
        result = asyncio.run(reconcile(arguments, report))
    except ConfigError as error:
        report.trouble(f"reconcile: {error}")
        return CONFIG_ERROR
    except IntercomRefused as refusal:
        report.trouble(f"reconcile: Intercom refused it ({refusal}); see what `supportd check` says")
        return CONFIG_ERROR if refusal.status in {401, 403} else CUT_OFF
    except IntercomUnavailable as error:
        report.trouble(f"reconcile: Intercom can't be asked ({error.reason}). Run it again: it goes on where it was")
        return CUT_OFF
    except KeyboardInterrupt:
        report.trouble("reconcile: stopped. Run it again: it goes on where it was")
        return CUT_OFF
    except StorageUnavailable:
        report.trouble("reconcile: MongoDB can't be reached, or failed. Run it again: it goes on where it was")
        return CUT_OFF
    report.result(result, in_words(result))
    return DIFFERENT if len(result["differences"]) > result["repaired"] else 0


if __name__ == "__main__":
    sys.exit(main())
