"""The files beside the code: what they say holds of the code."""

import configparser
import re
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path

import supportd
from supportd.config import Settings
from supportd.dev.settings_files import FILES

ROOT = Path(supportd.__file__).parents[1]
EXAMPLE = (ROOT / "conf" / "supportd.env.example").read_text()


def test_what_is_said_of_the_settings_is_made_from_them() -> None:
    assert [path.name for path, content in FILES.items() if path.read_text() != content()] == [], "run `make docs`"


def test_the_example_names_every_setting_with_its_default() -> None:
    shown = {name: (mark, value) for mark, name, value in re.findall(r"^(#?)([A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE)}
    assert set(shown) == {item.name.upper() for item in fields(Settings)}
    for item in fields(Settings):
        mark, value = shown[item.name.upper()]
        assert (mark == "") == (item.default is MISSING), item.name
        if mark and value:
            assert item.metadata["read"](value) == item.default, item.name


def test_the_example_gives_no_secret_away() -> None:
    required = [item.name.upper() for item in fields(Settings) if item.default is MISSING]
    for name in required:
        assert re.search(rf"^{name}=$", EXAMPLE, re.MULTILINE), name


def test_constraints_are_exact_and_name_no_address() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = {named(requirement) for group in (project["dependencies"], *extras) for requirement in group}
    assert wanted <= {named(line) for line in lines}


def named(requirement: str) -> str:
    """The package's normalised name (PEP 503)."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_systemd_tells_supervisord_alone_to_stop() -> None:
    """A second SIGTERM, by systemd to supportd, would cut what the one by supervisord lets finish."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read(ROOT / "conf" / "supportd.service")
    supervisor = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    supervisor.read(ROOT / "supervisord.conf")
    assert unit["Service"]["KillMode"] == "mixed"
    assert int(unit["Service"]["TimeoutStopSec"]) > supervisor.getint("fcgi-program:supportd", "stopwaitsecs")
    assert unit["Service"]["ExecStart"].endswith("/supervisord -n -c supervisord.conf")
