"""A gateway with one of everything that is seen: spans go to a collector, events to a PostHog, lines to its log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from planoai.collector.client import Client
from planoai.collector.spans import attributes_of
from tests.cli.collecting import collector
from tests.end_to_end.test_filters import sample
from tests.support.gateway import Gateway, running_gateway, until
from tests.support.http_server import Action, Data, End, Head, HttpServer, Recorded
from tests.support.ports import free_port
from tests.support.scripted import ScriptedProvider

CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: llm, port: {llm}}}
  - {{type: model, name: filtered, port: {filtered}, input_filters: [mask, rules], output_filters: [unmask]}}
  - {{type: model, name: keyed, port: {keyed}, clients: [team-a, team-b]}}
  - type: agent
    name: travel
    port: {travel}
    agents:
      - {{id: weather, description: "weather forecasts, temperature and rain", input_filters: [mask]}}
      - {{id: flights, description: "flight status, bookings, airports"}}
      - {{id: general, description: "anything else", default: true}}
  - {{type: prompt, name: prompts, port: {prompts}, prompt_targets: [order_status]}}
agents:
  - {{id: weather, url: "{weather}"}}
  - {{id: flights, url: "{flights}"}}
  - {{id: general, url: "{flights}"}}
filters:
  - {{id: mask, type: http, url: "http://127.0.0.1:{service}/mask?key=secret-query"}}
  - {{id: unmask, type: http, url: "http://127.0.0.1:{service}/unmask"}}
  - {{id: rules, type: mcp, url: "http://127.0.0.1:{mcp}/mcp", tool: house_rules}}
prompt_targets:
  - name: order_status
    description: Where an order is, and when it comes
    auto_llm_dispatch_on_response: false
    parameters: [{{name: order, type: int, required: true}}]
    endpoint: {{name: shop, path: /orders, http_method: GET}}
endpoints:
  shop: {{endpoint: "127.0.0.1:{service}", protocol: http}}
model_providers:
  - {{model: openai/gpt-4o, base_url: "{chat}", access_key: k, default: true}}
  - {{model: openai/gpt-4o-mini, base_url: "{chat}", access_key: k}}
  - {{model: anthropic/claude-sonnet-4-5, base_url: "{messages}", access_key: k}}
  - model: openai/gpt-4.1
    base_url: "http://127.0.0.1:{closed}/v1"
    access_key: k
    retry_policy: {{fallback_models: [openai/gpt-4o]}}
model_aliases:
  fast: {{target: gpt-4o}}
routing_preferences:
  - name: code
    description: writing functions, classes and programs, such as "write a python function"
    models: [anthropic/claude-sonnet-4-5]
  - name: poems
    description: writing poems and songs, such as "write a poem about autumn"
    models: [openai/gpt-4o-mini]
routing:
  routing_budget: {{max_switch_spend_pct: 20, record_counterfactual: true}}
  route_on_user_only: true
prompt_guards:
  input_guards:
    jailbreak: {{on_exception: {{message: I cannot help with that.}}}}
    pii: {{entities: [email], action: redact}}
clients:
  - {{id: team-a, key: team-a-key, ratelimit: {{requests: 3, per: hour}}}}
  - {{id: team-b, key: team-b-key, budget: {{usd: 50, per: month}}}}
tracing:
  random_sampling: 100
  opentracing_grpc_endpoint: "{collector}"
  capture_messages: true
  span_attributes: {{header_prefixes: [x-acme-], static: {{environment: test}}}}
  exporters:
    - {{type: posthog, url: "http://127.0.0.1:{posthog}", api_key: phc_1, distinct_id_header: x-user,
        capture_messages: true}}
"""

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is asked, and where it shows."""

    gateway: Gateway
    collector: Client
    chat: ScriptedProvider
    messages: ScriptedProvider
    weather: ScriptedProvider
    flights: ScriptedProvider
    posthog: list[Recorded] = field(default_factory=list)

    def ask(
        self, request_id: str, text: str = "Hello", listener: str = "llm", path: str = "", **more: Any
    ) -> httpx.Response:
        """Send a chat; `headers` among the rest are the request's."""
        headers = {"x-request-id": request_id, **more.pop("headers", {})}
        body = {"messages": [{"role": "user", "content": text}], **more}
        url = f"{self.gateway.url(listener)}{path or '/v1/chat/completions'}"
        return httpx.post(url, json=body, headers=headers, timeout=60)

    def spans(self, request_id: str, *, least: int = 1) -> list[Attributes]:
        """Return a request's spans, once so many are there, with all their attributes and what else a span has."""

        def found() -> list[Attributes]:
            for trace in self.collector.traces():
                if any(attributes_of(span).get("request_id") == request_id for span in trace):
                    return [attributes_of(span) | {"span": span} for span in trace]
            return []

        spans = until(lambda: made if len(made := found()) >= least else [])
        assert spans, f"no trace with {least} spans of {request_id}: {[s['span']['name'] for s in found()]}"
        return spans

    def events(self, request_id: str) -> list[dict[str, Any]]:
        """Return the events of PostHog's that a request made, once there is one."""

        def found() -> list[dict[str, Any]]:
            batches = [one.json()["batch"] for one in self.posthog]
            return [
                event for batch in batches for event in batch if event["properties"].get("request_id") == request_id
            ]

        return until(found)

    def figures(self) -> str:
        """Return what /metrics says."""
        return httpx.get(f"http://127.0.0.1:{self.gateway.status()['ports']['metrics']}/metrics", timeout=20).text


def of(spans: list[Attributes], service: str) -> list[Attributes]:
    """Return the spans of a service, the first to begin first."""
    found = [one for one in spans if one["span"]["service"] == service]
    return sorted(found, key=lambda one: int(one["span"]["startTimeUnixNano"]))


def _same(request: Recorded) -> list[Action]:
    """Answer as a filter or an API: with the request itself, or with an order."""
    body = request.body.replace(b"zanzibar", b"(masked)")
    if request.path.startswith("/orders"):
        body = b'{"order": 12, "state": "on its way"}'
    headers = (("content-type", "application/json"), ("content-length", str(len(body))))
    return [Head(200, headers), Data(body), End()]


@contextmanager
def seen(home: Path) -> Iterator[Seen]:
    """Run it all."""
    events: list[Recorded] = []

    def heard(request: Recorded) -> list[Action]:
        events.append(request)
        return [Head(200, (("content-length", "0"),)), End()]

    names = ("llm", "filtered", "keyed", "travel", "prompts", "closed")
    with (
        collector() as (running, _),
        HttpServer(_same) as service,
        HttpServer(heard) as posthog,
        ScriptedProvider("openai.chat", is_strict=False) as chat,
        ScriptedProvider("anthropic.messages", is_strict=False) as messages,
        ScriptedProvider("openai.chat", is_strict=False) as weather,
        ScriptedProvider("openai.chat", is_strict=False) as flights,
        sample("mcp_filter", "--secret", "bluebird") as mcp,
    ):
        text = CONFIG.format(
            **{name: free_port() for name in names},
            service=service.port,
            posthog=posthog.port,
            mcp=mcp,
            chat=chat.url,
            messages=messages.url,
            weather=weather.url.removesuffix("/v1"),
            flights=flights.url.removesuffix("/v1"),
            collector=running.endpoint,
        )
        with running_gateway(text, environ={}, home=home) as gateway:
            yield Seen(gateway, running.client, chat, messages, weather, flights, events)
