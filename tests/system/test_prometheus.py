"""The rules, the dashboard and the scrape configuration, as they are delivered, on the real Prometheus."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from supportd.metrics import Metrics
from tests.harness import MongoDatabase, World, living
from tests.system.prometheus import CONF, PROMTOOL, Prometheus, needs_prometheus, scraping
from tests.system.supervised import SERVES
from tests.waiting import eventually

DASHBOARD = json.loads((CONF / "grafana-dashboard.json").read_text())
RULES = [rule for group in yaml.safe_load((CONF / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
NAME = re.compile(r"\bsupportd[_:][A-Za-z0-9_:]+")
SAMPLES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}


def shown() -> Iterator[str]:
    """Every expression of the dashboard."""
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    yield from (each["expr"] for each in DASHBOARD["annotations"]["list"])


def promtool(*arguments: str, given: str = "") -> None:
    assert PROMTOOL is not None, "promtool must be installed"
    done = subprocess.run(
        [PROMTOOL, *arguments], cwd=CONF, capture_output=True, text=True, timeout=50, check=False, input=given
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def scrape(world: World) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://127.0.0.1:{world.server.metrics_port}/metrics")).text


async def scraped_names(world: World) -> set[str]:
    """The names of all series that a scrape has, or will have once something happened."""
    families = text_string_to_metric_families(await scrape(world))
    return {family.name + ending for family in families for ending in SAMPLES[family.type]}


@needs_prometheus
def test_promtool_finds_no_fault_and_each_alert_fires_in_its_test() -> None:
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")
    promtool("test", "rules", "alerts_test.yml")


@needs_prometheus
async def test_promtool_finds_no_fault_in_names_and_units(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello")
        promtool("check", "metrics", given=await scrape(world))


def test_each_alert_has_its_test_and_says_how_bad_it_is() -> None:
    cases = {case["name"] for case in yaml.safe_load((CONF / "alerts_test.yml").read_text())["tests"]}
    alerts = [rule for rule in RULES if "alert" in rule]
    assert cases == {rule["alert"] for rule in alerts} | {"healthy", "recorded"}
    assert {rule["labels"]["severity"] for rule in alerts} == {"critical", "warning"}
    assert all(rule["annotations"]["summary"] for rule in alerts)


def test_each_alert_has_its_section_in_the_handbook() -> None:
    text = (CONF.parent / "docs" / "operations.md").read_text()
    _, _, alerts = text.partition("\n## Alerts\n")
    sections = re.split(r"^### ", alerts.partition("\n## ")[0], flags=re.MULTILINE)[1:]
    assert [section.splitlines()[0] for section in sections] == [rule["alert"] for rule in RULES if "alert" in rule]
    for section in sections:
        assert "**Look**:" in section, section
        assert "**Do**:" in section, section


async def test_what_the_handbook_names_is_scraped(mongo: MongoDatabase) -> None:
    text = (CONF.parent / "docs" / "operations.md").read_text()
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    async with living(mongo) as world:
        known = await scraped_names(world) | recorded
    histograms = {name.removesuffix("_bucket") for name in known}
    assert set(NAME.findall(text)) - {SERVES} <= known | histograms


async def test_every_expression_names_what_is_scraped(mongo: MongoDatabase) -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    async with living(mongo) as world:
        known = await scraped_names(world) | recorded
    for expression in [*shown(), *(rule["expr"] for rule in RULES)]:
        names = set(NAME.findall(expression))
        assert names or expression.startswith(("up{", "ALERTS{")), expression
        assert names <= known, expression


def test_every_metric_is_on_the_dashboard() -> None:
    on_it = {name for expression in shown() for name in NAME.findall(expression)}
    known = {family.name: family.type for family in Metrics("1").registry.collect()}
    left_out = {name for name, kind in known.items() if not on_it & {name + ending for ending in SAMPLES[kind]}}
    assert left_out == {
        "supportd_conversation_open_seconds",
        "supportd_diagnostics",
        "supportd_keyed_sends",
        "supportd_poll_held_seconds",
        "supportd_process_virtual_memory_bytes",  # means little
        "supportd_reconciler_watermark_seconds",  # stands still where nothing changes; the age tells
        "supportd_unknown_parts",
        "supportd_webhook_processed",
        "supportd_webhook_topic",
    }


def test_panels_dont_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in DASHBOARD["panels"]):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@needs_prometheus
async def test_the_real_one_scrapes_the_real_server(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo) as world, scraping(world.server.metrics_port, tmp_path) as prometheus:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.reply(chat["id"], "News")
        await world.settle()
        assert (await alice.poll(chat["id"], since=chat["latestTimestamp"]))["messages"]
        news = 'supportd_polls_total{outcome="news"}'
        await eventually(lambda: _is(prometheus, news, 1))
        assert await prometheus.value("supportd_delivery_seconds_count") == 1
        assert await prometheus.value('supportd_webhooks_total{outcome="stored"}') == 2
        await eventually(lambda: _is(prometheus, "supportd:event_loop_lag_seconds:p99_5m >= bool 0", 1))
        rules: list[dict[str, Any]] = [
            rule for group in (await prometheus.ask("rules"))["groups"] for rule in group["rules"]
        ]
        assert len(rules) == len(RULES)
        assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
        assert [rule["name"] for rule in rules if rule.get("state") == "firing"] == []
        for expression in shown():
            await prometheus.ask("query", query=expression.replace("$__rate_interval", "5m"))


async def _is(prometheus: Prometheus, expression: str, value: float) -> bool:
    return await prometheus.value(expression) == value
