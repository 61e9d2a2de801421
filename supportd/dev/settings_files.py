"""Writes what is said of the settings from the settings: `docs/configuration.md` and `conf/supportd.env.example`.

python -m supportd.dev.settings_files      (`make docs`; a test fails where the files say something else)
"""

import textwrap
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from supportd.config import Settings

ROOT = Path(__file__).parents[2]
WIDTH = 120

TABLE_HEAD = """\
# Configuration

Environment variables, read once at the start into one immutable object. `make docs` makes this file from that
(`supportd/config.py`). An empty variable counts as absent. A missing or bad one stops the start with exit code 2 and
one sentence that names it; a secret's value is never printed. `conf/supportd.env.example` is a file to start from.

| Variable | Default | |
|---|---|---|
"""
TABLE_END = """
For `make demo` only: `DEV_PORT_BASE` moves its ports, `MONGO_URI` makes it use a MongoDB that runs already, `MONGOD`
names the `mongod` to run.
"""
EXAMPLE_HEAD = """\
# supportd's settings. Copy to conf/supportd.env, fill in, and let nobody else read it. supervisord.conf loads it; for
# scripts a shell does: set -a; . conf/supportd.env; set +a
# A line with # before it shows the default; one without is required. Put quotes around a value that has other than
# letters and digits. To make a secret: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'
"""


def table() -> str:
    """`docs/configuration.md`."""
    rows = [f"| `{_name(each)}` | {_default(each) or '-'} | {each.metadata['says']} |\n" for each in fields(Settings)]
    return TABLE_HEAD + "".join(rows) + TABLE_END


def example() -> str:
    """`conf/supportd.env.example`: what is required to be filled in, the rest with a `#` before it."""
    return EXAMPLE_HEAD + "".join(map(_lines, fields(Settings)))


FILES: dict[Path, Callable[[], str]] = {
    ROOT / "docs" / "configuration.md": table,
    ROOT / "conf" / "supportd.env.example": example,
}


def _lines(item: "Field[Any]") -> str:
    said = textwrap.fill(
        item.metadata["says"].replace("`", ""),
        WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
    )
    required = item.default is MISSING
    return f"\n{said}\n{'' if required else '#'}{_name(item)}={'' if required else _default(item)}\n"


def _name(item: "Field[Any]") -> str:
    return item.name.upper()


def _default(item: "Field[Any]") -> str:
    """As the variable would say it."""
    if item.default is MISSING:
        return "required"
    if item.default is None or item.default == ():
        return ""
    if isinstance(item.default, bool | float):
        return f"{item.default:g}"
    return str(item.default)


if __name__ == "__main__":
    for path, content in FILES.items():
        path.write_text(content())
