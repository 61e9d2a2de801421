from enum import StrEnum

import pytest

from supportd.metrics import (
    KeyedSend,
    Lookup,
    Metrics,
    Outcome,
    Poll,
    Processing,
    PushChannel,
    Pushed,
    Receipt,
    Withheld,
)

NAMES = {
    "supportd_build_info": "gauge",
    "supportd_cache_evictions": "counter",
    "supportd_cached_conversations": "gauge",
    "supportd_connections": "gauge",
    "supportd_connections_refused": "counter",
    "supportd_conversation_lookups": "counter",
    "supportd_conversation_open_seconds": "histogram",
    "supportd_delivery_seconds": "histogram",
    "supportd_diagnostics": "counter",
    "supportd_event_loop_lag_seconds": "histogram",
    "supportd_files_stored": "counter",
    "supportd_held_polls": "gauge",
    "supportd_http_request_seconds": "histogram",
    "supportd_http_requests": "counter",
    "supportd_intercom_breaker_open": "gauge",
    "supportd_intercom_budget_left": "gauge",
    "supportd_intercom_call_seconds": "histogram",
    "supportd_intercom_calls": "counter",
    "supportd_keyed_sends": "counter",
    "supportd_mongo_calls": "gauge",
    "supportd_mongo_seconds": "histogram",
    "supportd_outbox_jobs": "counter",
    "supportd_outbox_oldest_seconds": "gauge",
    "supportd_outbox_waiting": "gauge",
    "supportd_poll_held_seconds": "histogram",
    "supportd_polls": "counter",
    "supportd_polls_woken": "counter",
    "supportd_reconciler_age_seconds": "gauge",
    "supportd_process_cpu_seconds": "counter",
    "supportd_process_max_fds": "gauge",
    "supportd_process_open_fds": "gauge",
    "supportd_process_resident_memory_bytes": "gauge",
    "supportd_process_start_time_seconds": "gauge",
    "supportd_process_virtual_memory_bytes": "gauge",
    "supportd_push_queue": "gauge",
    "supportd_pushes": "counter",
    "supportd_pushes_withheld": "counter",
    "supportd_reconciler_drift": "counter",
    "supportd_reconciler_runs": "counter",
    "supportd_reconciler_watermark_seconds": "gauge",
    "supportd_task_failures": "counter",
    "supportd_unknown_parts": "counter",
    "supportd_uploads_refused": "counter",
    "supportd_webhook_backlog": "gauge",
    "supportd_webhook_lag_seconds": "histogram",
    "supportd_webhook_processed": "counter",
    "supportd_webhook_topic": "counter",
    "supportd_webhooks": "counter",
}


def test_every_metric() -> None:
    assert {family.name: family.type for family in Metrics("1.2.3").registry.collect()} == NAMES


@pytest.mark.parametrize(
    ("name", "label", "values"),
    [
        ("polls", "outcome", Poll),
        ("conversation_lookups", "source", Lookup),
        ("webhooks", "outcome", Receipt),
        ("webhook_processed", "outcome", Processing),
        ("reconciler_runs", "outcome", Outcome),
        ("keyed_sends", "outcome", KeyedSend),
        ("pushes_withheld", "reason", Withheld),
    ],
)
def test_every_series_of_an_enum_is_there_from_the_start(name: str, label: str, values: type[StrEnum]) -> None:
    registry = Metrics("1.2.3").registry
    for value in values:
        assert registry.get_sample_value(f"supportd_{name}_total", {label: value.value}) == 0.0


def test_every_outcome_of_every_channel_is_there_from_the_start() -> None:
    registry = Metrics("1.2.3").registry
    for channel in PushChannel:
        for outcome in Pushed:
            labels = {"channel": channel.value, "outcome": outcome.value}
            assert registry.get_sample_value("supportd_pushes_total", labels) == 0.0


def test_version_is_a_label() -> None:
    assert Metrics("1.2.3").registry.get_sample_value("supportd_build_info", {"version": "1.2.3"}) == 1.0


def test_two_servers_count_apart() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.evictions.inc()
    assert other.registry.get_sample_value("supportd_cache_evictions_total") == 0.0
