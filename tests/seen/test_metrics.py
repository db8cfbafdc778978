"""Every figure of Plano 0.4 with its labels, and the gateway's own, as a running gateway tells them."""

import re
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.seen.stand import Seen
from tests.support.gateway import until
from tests.support.reply import Usage

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(240)]

CODE = "Write a python function that reverses a list"
POEM = "Write a poem about autumn leaves"

BUCKETS = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "+Inf"}

HANDLERS = {"llm_chat", "agent_chat", "function_calling", "routing_decision", "list_models"}
PEERS = {
    "brightstaff_http_requests_total": {"handler", "method", "status_class"},
    "brightstaff_http_request_duration_seconds_count": {"handler"},
    "brightstaff_http_in_flight_requests": {"handler"},
    "brightstaff_llm_upstream_requests_total": {"provider", "model", "status_class", "error_class"},
    "brightstaff_llm_upstream_duration_seconds_count": {"provider", "model"},
    "brightstaff_llm_time_to_first_token_seconds_count": {"provider", "model"},
    "brightstaff_llm_tokens_total": {"provider", "model", "kind"},
    "brightstaff_llm_tokens_usage_missing_total": {"provider", "model"},
    "brightstaff_router_decisions_total": {"route", "selected_model", "fallback"},
    "brightstaff_router_decision_duration_seconds_count": {"route"},
    "brightstaff_router_skips_total": {"reason"},
    "brightstaff_routing_service_requests_total": {"outcome"},
    "brightstaff_session_cache_events_total": {"outcome"},
    "brightstaff_session_binding_events_total": {"event"},
    "brightstaff_session_switch_decisions_total": {"decision", "reason"},
    "brightstaff_prompt_cache_requests_total": {"provider", "model", "outcome"},
    "brightstaff_build_info": {"version", "git_sha"},
    "process_cpu_seconds_total": set(),
    "process_open_fds": set(),
    "process_max_fds": set(),
    "process_virtual_memory_bytes": set(),
    "process_resident_memory_bytes": set(),
    "process_start_time_seconds": set(),
    "process_threads": set(),
}
OURS = {
    "plano_answers_total": {"listener", "client_api", "model", "way", "status"},
    "plano_overhead_seconds_count": {"listener", "way"},
    "plano_phase_seconds_count": {"position", "message"},
    "plano_streams_open": {"position"},
    "plano_fallbacks_total": {"from_model", "to_model", "reason"},
    "plano_guards_total": {"listener", "guard", "verdict"},
    "plano_guard_seconds_count": {"guard"},
    "plano_budgets_total": {"client", "limit", "outcome"},
    "plano_cost_usd_total": {"provider", "model", "client"},
    "plano_callouts_total": {"what", "outcome"},
    "plano_callout_seconds_count": {"what"},
    "plano_agent_calls_total": {"listener", "agent", "outcome"},
    "plano_signals_total": {"type"},
    "plano_conversation_quality_total": {"quality"},
    "plano_spans_exported_total": {"sink"},
}


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return labels and values by the name of a sample."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


@pytest.fixture(scope="module")
def told(seen: Seen) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Let everything happen once, and return what is counted."""
    seen.messages.say("def f(): ...", usage=Usage(input=900, output=30, cached=100, written=40))
    session: dict[str, Any] = {"model": "fast", "headers": {"x-model-affinity": "figures"}}
    seen.ask("figures-1", f"Thanks, that fixed it. {CODE}", **session)
    seen.spans("figures-1", least=5)
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    said = [
        {"role": "user", "content": CODE},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
    ]
    seen.ask("figures-2", messages=said, **session)
    seen.ask("figures-3", POEM, path="/routing/v1/chat/completions", **session)
    seen.chat.answer({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []})
    seen.ask("figures-4", model="gpt-4o-mini")
    seen.ask("figures-5", model="gpt-4.1")
    seen.ask("figures-6", "What is the weather in Rome?", "travel", model="t")
    seen.ask("figures-7", "Hello", "filtered", model="gpt-4o")
    seen.ask("figures-8", "Hello", "keyed", model="gpt-4o", headers={"x-api-key": "team-b-key"})
    seen.ask("figures-9", "Where is order 12?", "prompts", model="gpt-4o")
    seen.ask("figures-10", model="nobody-knows-it")
    httpx.get(f"{seen.gateway.url()}/v1/models", timeout=20)

    def counted() -> dict[str, list[tuple[dict[str, str], float]]]:
        found = samples(seen.figures())
        is_whole = {*PEERS, *OURS} <= found.keys() and handlers(found) >= HANDLERS
        return found if is_whole else {}

    return until(counted) or samples(seen.figures())


def handlers(told: dict[str, list[tuple[dict[str, str], float]]]) -> set[str]:
    return {one["handler"] for one in labels(told, "brightstaff_http_requests_total")}


def labels(told: dict[str, list[tuple[dict[str, str], float]]], name: str) -> list[dict[str, str]]:
    return [labels for labels, value in told[name] if value]


def test_every_figure_of_the_peer_is_told_with_its_labels(
    told: dict[str, list[tuple[dict[str, str], float]]],
) -> None:
    found = {name: set(told[name][0][0]) for name in PEERS if name in told}

    assert found == PEERS


def test_the_gateways_own_are_told_beside_them(told: dict[str, list[tuple[dict[str, str], float]]]) -> None:
    found = {name: set(told[name][0][0]) for name in OURS if name in told}

    assert found == OURS


def test_labels_have_the_peers_values(told: dict[str, list[tuple[dict[str, str], float]]]) -> None:
    calls = labels(told, "brightstaff_llm_upstream_requests_total")
    buckets = {
        one["le"] for one, _ in told["brightstaff_http_request_duration_seconds_bucket"] if one["handler"] == "llm_chat"
    }

    assert handlers(told) == HANDLERS
    assert {one["kind"] for one in labels(told, "brightstaff_llm_tokens_total")} == {
        *("prompt", "completion", "cache_read", "cache_write"),
    }
    assert {one["outcome"] for one in labels(told, "brightstaff_prompt_cache_requests_total")} == {"hit", "miss"}
    assert {"not_user_turn"} == {one["reason"] for one in labels(told, "brightstaff_router_skips_total")}
    assert {"decision_served"} == {one["outcome"] for one in labels(told, "brightstaff_routing_service_requests_total")}
    assert {"hit", "miss", "store"} <= {
        one["outcome"] for one in labels(told, "brightstaff_session_cache_events_total")
    }
    assert {one["fallback"] for one in labels(told, "brightstaff_router_decisions_total")} == {"true", "false"}
    assert {one["provider"] for one in calls} == {"openai", "anthropic"}
    assert all("/" not in one["model"] for one in calls)
    assert buckets == BUCKETS


def test_processes_are_measured_as_they_are(seen: Seen, told: dict[str, list[tuple[dict[str, str], float]]]) -> None:
    [(_, memory)], [(_, started)] = told["process_resident_memory_bytes"], told["process_start_time_seconds"]
    [(_, fds)], [(_, most)] = told["process_open_fds"], told["process_max_fds"]

    assert 10_000_000 < memory < 2_000_000_000
    assert started > 1_700_000_000
    assert 5 < fds < most
    assert re.search(r"^# TYPE process_cpu_seconds_total counter", seen.figures(), re.MULTILINE)


def test_who_is_set_aside_is_told(seen: Seen) -> None:
    """Each request is another conversation, none of which stays with who stood in."""
    for number in range(4):
        assert seen.ask(f"cool-{number}", f"Good day, number {number}", model="gpt-4.1").status_code == 200

    def cooling() -> bool:
        found = samples(seen.figures())
        set_aside = {one["provider"]: value for one, value in found.get("plano_cooling", ())}
        return set_aside.get("openai/gpt-4.1") == 1 and ({"provider": "openai/gpt-4.1"}, 1.0) in found.get(
            "plano_cooldowns_total", ()
        )

    assert until(cooling, seconds=20)
