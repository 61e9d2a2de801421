"""What holds of the code as a whole: which way imports run, how large things are, what is open to whom."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import pytest

import supportd
from supportd.errors import ConfigError
from supportd.handlers.base import BaseHandler
from supportd.handlers.health import HealthHandler
from supportd.handlers.web import Auth
from supportd.routes import Route, Services, implemented, routes, url_specs

PACKAGE = Path(supportd.__file__).parent
TESTS = Path(__file__).parent
HANDLERS = sorted((PACKAGE / "handlers").glob("*.py"))

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40

# What the modules of a folder may import of ours, beside the folder itself. Modules of the root count by their names.
GROUND = {"supportd", "errors", "clock", "config", "metrics", "tasks", "logs"}
MAY_IMPORT = {
    "stores": GROUND,
    "intercom": GROUND,
    "conversations": GROUND | {"stores", "intercom", "identity", "idempotency", "files"},
    "tickets": GROUND | {"stores", "intercom", "identity", "idempotency", "files", "conversations"},
    "sync": GROUND | {"stores", "intercom", "conversations", "tickets"},
    "feedback": GROUND | {"stores", "identity", "conversations", "tickets"},
    "files": GROUND | {"stores", "identity"},
    "push": GROUND | {"stores", "intercom", "conversations", "tickets"},
    "handlers": GROUND
    | {
        "conversations",
        "tickets",
        "feedback",
        "files",
        "sync",
        "stores",
        "intercom",
        "identity",
        "lifecycle",
        "ratelimit",
        "openapi",
        "idempotency",
    },
    "upkeep": GROUND | {"stores", "files", "intercom", "conversations", "tickets"},
    "simulator": GROUND,
    "dev": GROUND | {"identity"},
    "openapi": set(),
    "errors": set(),
    "clock": set(),
    "metrics": set(),
    "logs": set(),
    "lifecycle": set(),
    "listening": {"clock", "errors"},
    "loop": set(),
    "config": {"errors"},
    "tasks": set(),
    "identity": {"errors", "clock"},
    "leases": set(),
    "idempotency": {"errors", "clock", "leases", "metrics", "stores"},
    "ratelimit": {"errors", "clock"},
}
SEES_ALL = {"check", "server", "wiring", "wiring_files", "wiring_push", "wiring_several", "routes", "cli", "__main__"}

# Names from outside, and the only folders that may know them.
OUTSIDE = {
    "filetype": {"files"},
    "boto3": {"files"},
    "botocore": {"files"},
    "python_multipart": {"files"},
    "httpx": {"intercom", "push", "simulator", "dev"},
    "pymongo": {"stores", "dev"},
    "motor": {"stores"},
    "bson": {"stores"},
    "tornado": {"handlers", "routes", "server", "listening", "simulator", "openapi"},
    "prometheus_client": {"metrics", "handlers"},
    "jwt": {"identity", "push", "cli", "dev", "simulator"},
}

API = {
    "/health": {"GET": Auth.PUBLIC},
    "/ready": {"GET": Auth.PUBLIC},
    r"/openapi\.json": {"GET": Auth.PUBLIC},
    "/docs": {"GET": Auth.PUBLIC},
    "/api/conversations": {"GET": Auth.BEARER, "POST": Auth.BEARER},
    "/api/conversations/:id": {"GET": Auth.BEARER},
    "/api/conversations/:id/poll": {"GET": Auth.BEARER},
    "/api/conversations/:id/read": {"POST": Auth.BEARER},
    "/api/conversations/:id/close": {"POST": Auth.BEARER},
    "/api/conversations/:id/reply": {"POST": Auth.BEARER},
    "/api/tickets": {"GET": Auth.BEARER},
    "/api/tickets/search": {"GET": Auth.BEARER},
    "/api/tickets/:id": {"GET": Auth.BEARER},
    "/api/tickets/:id/reply": {"POST": Auth.BEARER},
    "/api/tickets/:id/clarify": {"POST": Auth.BEARER},
    "/api/files/upload": {"POST": Auth.BEARER},
    "/api/files/:id": {"GET": Auth.BEARER, "HEAD": Auth.BEARER},
    "/files/:id": {"GET": Auth.LINK, "HEAD": Auth.LINK},
    "/files/attachments/:id": {"GET": Auth.LINK, "HEAD": Auth.LINK},
    "/api/csat": {"POST": Auth.BEARER},
    "/api/complaints": {"POST": Auth.BEARER},
    "/api/devices/register": {"POST": Auth.BEARER},
    "/api/devices/:id": {"DELETE": Auth.BEARER},
    "/api/settings/notifications": {"GET": Auth.BEARER, "PUT": Auth.BEARER},
    "/api/diagnostics": {"POST": Auth.BEARER},
    "/webhooks/intercom": {"HEAD": Auth.PUBLIC, "POST": Auth.HMAC},
}
ID = "([A-Za-z0-9_-]{1,128})"


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def name_of(path: Path) -> str:
    """`supportd.handlers.base` for its file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: parsed(path) for name, path in MODULES.items()}


def place_of(module: str) -> str:
    """The folder or root module that a module belongs to."""
    return module.split(".")[1] if "." in module else module


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module imported anywhere beneath; a name imported from a package counts as module if it is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module or ""


def ours(tree: ast.AST) -> set[str]:
    return {name for name in imported(tree) if name in MODULES}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call, and what is called as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def methods(tree: ast.AST, name: str) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]


def test_the_checks_see_the_code() -> None:
    assert {"supportd.server", "supportd.handlers.poll", "supportd.simulator", "supportd.stores.mongo"} <= set(MODULES)
    assert "supportd.stores.mongo" in ours(TREES["supportd.server"])


# Imports


@pytest.mark.parametrize("module", [name for name in MODULES if place_of(name) not in SEES_ALL | {"supportd"}])
def test_imports_run_one_way(module: str) -> None:
    place = place_of(module)
    places = {place_of(name) for name in ours(TREES[module])}
    assert places - {place} <= MAY_IMPORT[place]


@pytest.mark.parametrize("module", [name for name in MODULES if place_of(name) != "simulator"])
def test_nothing_imports_the_simulator(module: str) -> None:
    assert [name for name in ours(TREES[module]) if place_of(name) == "simulator"] == []


@pytest.mark.parametrize("library", OUTSIDE)
def test_a_library_is_known_in_its_folders_only(library: str) -> None:
    users = {place_of(name) for name, tree in TREES.items() if library in {of.split(".")[0] for of in imported(tree)}}
    assert users <= OUTSIDE[library]


def test_no_circle_of_imports() -> None:
    graph = {name: ours(ast.Module(_at_import(tree), [])) - {name} for name, tree in TREES.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def _at_import(tree: ast.Module) -> list[ast.stmt]:
    """The imports that run when the module is imported, not those within functions or for type checkers."""
    return [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.parametrize("module", [name for name in MODULES if place_of(name) not in {"cli", "dev", "simulator"}])
def test_the_environment_is_read_by_the_command_line_only(module: str) -> None:
    tree = TREES[module]
    read = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}]
    named = {name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in _names(node)}
    assert read == []
    assert {"environ", "getenv"}.isdisjoint(named)


def _names(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}


# Size and state


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_are_short(module: str) -> None:
    assert len(MODULES[module].read_text().splitlines()) < MAX_MODULE_LINES
    found = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in found}
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


def test_the_base_handler_stays_under_150_lines() -> None:
    (base,) = [node for node in TREES["supportd.handlers.base"].body if getattr(node, "name", "") == "BaseHandler"]
    assert (base.end_lineno or 0) - base.lineno < 150


MAKES_A_CONSTANT = {
    "re.compile",
    "frozenset",
    "MappingProxyType",
    "TypeVar",
    "ParamSpec",
    "dict.fromkeys",
    "tuple",
    "set",
    "range",
    "Meta",
    "Path",
}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_live_at_module_level(module: str) -> None:
    for node in TREES[module].body:
        assert not isinstance(node, ast.AugAssign | ast.Delete | ast.For | ast.While | ast.With)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            made = {name for name, _ in calls(node.value)} - {name for name, _ in _text_calls(node.value)}
            assert made <= MAKES_A_CONSTANT, ast.unparse(node)
            empty = isinstance(node.value, ast.Dict | ast.List | ast.Set) and not ast.unparse(node.value)[1:-1]
            assert not empty, ast.unparse(node)
    assert [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Global)] == []


def _text_calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Calls of a method of a literal or of another constant, such as `"a b".split()`."""
    return ((name, node) for name, node in calls(tree) if name.endswith((".split", ".encode", ".join", ".union")))


@pytest.mark.parametrize("module", MODULES)
def test_periodic_work_is_an_owned_task(module: str) -> None:
    assert "PeriodicCallback" not in MODULES[module].read_text()


# Handlers


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_initialize_only_assigns(path: Path) -> None:
    for method in methods(parsed(path), "initialize"):
        for node in method.body:
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            assert is_docstring or isinstance(node, ast.Assign | ast.AnnAssign), ast.unparse(node)
            if isinstance(node, ast.Assign | ast.AnnAssign):
                assert isinstance(node.value, ast.Name | ast.Constant), ast.unparse(node)


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_handlers_reach_for_nothing_that_they_werent_given(path: Path) -> None:
    code = ast.unparse(parsed(path))
    assert "self.settings" not in code
    assert "self.application." not in code


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_bodies_are_typed(path: Path) -> None:
    tree = parsed(path)
    structs = {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef) and "Struct" in {ast.unparse(base) for base in node.bases}
    }
    for name, call in calls(tree):
        if name == "self.json_body":
            assert ast.unparse(call.args[0]) in structs, ast.unparse(call)
        if name.endswith("json.decode"):
            assert "type" in {keyword.arg for keyword in call.keywords}, ast.unparse(call)
        assert name not in {"json.loads", "tornado.escape.json_decode", "json_decode"}
        assert name not in {"given.get", "body.get", "data.get"}


# Routes


@pytest.fixture
def table() -> list[Route]:
    nothing: dict[str, Any] = {item.name: None for item in fields(Services)}
    return routes(Services(**nothing))


def test_routes_are_the_contracts(table: list[Route]) -> None:
    assert {route.pattern.replace(ID, ":id"): route.verbs for route in table} == API
    assert len({route.name for route in table}) == len(table)


def test_patterns_are_exact(table: list[Route]) -> None:
    for route in table:
        assert ".*" not in route.pattern
        assert ".+" not in route.pattern


def test_every_verb_says_how_its_caller_is_known(table: list[Route]) -> None:
    for route in table:
        assert set(route.verbs) == implemented(route.handler)
        assert set(route.verbs.values()) <= set(Auth)
    assert len(url_specs(table, cast("Any", None))) == len(table)


class Unmarked(HealthHandler):
    def post(self) -> None:
        self.answer({})


@pytest.mark.parametrize(
    ("handler", "verbs"),
    [
        pytest.param(Unmarked, {"GET": Auth.PUBLIC}, id="a verb without a mark"),
        pytest.param(HealthHandler, {"GET": Auth.PUBLIC, "POST": Auth.PUBLIC}, id="a mark without a verb"),
        pytest.param(HealthHandler, {}, id="no mark at all"),
    ],
)
def test_start_is_refused_unless_every_verb_is_marked(handler: type[BaseHandler], verbs: dict[str, Auth]) -> None:
    with pytest.raises(ConfigError, match="'loose'"):
        url_specs([Route("loose", "/loose", handler, verbs)], cast("Any", None))


# Tests


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_dont_sleep(path: Path) -> None:
    for name, call in calls(parsed(path)):
        if name.split(".")[-1] == "sleep" and call.args and isinstance(call.args[0], ast.Constant):
            assert call.args[0].value == 0, ast.unparse(call)


def test_signatures_are_compared_in_constant_time() -> None:
    tree = TREES["supportd.intercom.signature"]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    assert "hmac.compare_digest" in {name for name, _ in calls(tree)}
