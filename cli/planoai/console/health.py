"""How providers do and what was counted: Envoy's clusters, and the figures of all workers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from prometheus_client.parser import text_string_to_metric_families

from planoai.probe import ask

Sample = tuple[str, Mapping[str, str], float]

_INTERNAL: Final = ("extproc", "nowhere", "plano_", "attempt_")
"""Beginnings of clusters that are no provider's; those of tries are added to their provider's."""

COUNTED: Final[Mapping[str, str]] = {
    "guards": "plano_guards_total",
    "budgets": "plano_budgets_total",
    "fallbacks": "plano_fallbacks_total",
    "cooldowns": "plano_cooldowns_total",
    "cache": "plano_cache_total",
    "agents": "plano_agent_calls_total",
    "signals": "plano_signals_total",
    "quality": "plano_conversation_quality_total",
    "callouts": "plano_callouts_total",
    "tokens": "brightstaff_llm_tokens_total",
    "cost": "plano_cost_usd_total",
    "cooling": "plano_cooling",
    "streams": "plano_streams_open",
    "spans": "plano_spans_exported_total",
    "spans_dropped": "plano_spans_dropped_total",
    "answers": "plano_answers_total",
}
"""What the page shows of the figures, by its name there."""


def figures(port: int) -> dict[str, list[dict[str, Any]]] | None:
    """Return the figures of all workers; None where nobody answers."""
    reply = ask(f"http://127.0.0.1:{port}/metrics")
    return counted(reply.body.decode("utf-8", "replace")) if reply is not None and reply.status == 200 else None


def counted(exposition: str) -> dict[str, list[dict[str, Any]]]:
    """Return the samples of `COUNTED`, each its labels and `value`, and the mean times of `phases`."""
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            by_name[sample.name].append((sample.name, sample.labels, sample.value))
    found = {
        ours: [{**labels, "value": value} for _, labels, value in by_name.get(name, ())]
        for ours, name in COUNTED.items()
    }
    found["phases"] = _means(by_name, "plano_phase_seconds")
    found["overhead"] = _means(by_name, "plano_overhead_seconds")
    return found


def _means(by_name: Mapping[str, Iterable[Sample]], name: str) -> list[dict[str, Any]]:
    sums = {tuple(sorted(labels.items())): value for _, labels, value in by_name.get(f"{name}_sum", ())}
    return [
        {**labels, "count": value, "mean_ms": sums.get(tuple(sorted(labels.items())), 0.0) * 1000 / value}
        for _, labels, value in by_name.get(f"{name}_count", ())
        if value
    ]


def clusters(port: int) -> list[dict[str, Any]] | None:
    """Return Envoy's provider clusters with their hosts; None where Envoy does not answer."""
    reply = ask(f"http://127.0.0.1:{port}/clusters?format=json")
    if reply is None or reply.status != 200:
        return None
    try:
        found = orjson.loads(reply.body).get("cluster_statuses", [])
    except orjson.JSONDecodeError:
        return None
    return [_cluster(entry) for entry in found if not str(entry.get("name", "")).startswith(_INTERNAL)]


def _cluster(entry: Mapping[str, Any]) -> dict[str, Any]:
    hosts = [_host(host) for host in entry.get("host_statuses", ())]
    return {"name": entry.get("name", ""), "healthy": all(host["healthy"] for host in hosts), "hosts": hosts}


def _host(entry: Mapping[str, Any]) -> dict[str, Any]:
    address = entry.get("address", {}).get("socket_address", {})
    status = entry.get("health_status", {})
    troubles = sorted(name for name, value in status.items() if value is True)
    stats = {stat["name"]: int(stat.get("value", 0)) for stat in entry.get("stats", ()) if "name" in stat}
    place, name = f"{address.get('address', '?')}:{address.get('port_value', '?')}", entry.get("hostname", "")
    return {
        "address": place,
        "hostname": "" if name == place else name,
        "healthy": status.get("eds_health_status", "HEALTHY") == "HEALTHY" and not troubles,
        "troubles": troubles,
        "requests": stats.get("rq_total", 0),
        "errors": stats.get("rq_error", 0),
        "timeouts": stats.get("rq_timeout", 0),
        "connect_failures": stats.get("cx_connect_fail", 0),
        "active": stats.get("rq_active", 0),
    }
