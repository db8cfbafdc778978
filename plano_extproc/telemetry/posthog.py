"""Calls of models as events of PostHog's (https://posthog.com/docs/ai-engineering)."""

import http.client
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from plano_extproc.config.telemetry import PostHog
from plano_extproc.telemetry.envoys import Ended
from plano_extproc.telemetry.spans import PREVIEW, Span

_SECONDS: Final = 10.0

DISTINCT_ID: Final = "plano.distinct_id"
"""Attribute that holds the value of the configured header, which tells users apart."""

_MAPPED: Final = {
    "llm.model": "$ai_model",
    "llm.provider": "$ai_provider",
    "llm.usage.prompt_tokens": "$ai_input_tokens",
    "llm.usage.completion_tokens": "$ai_output_tokens",
    "http.status_code": "$ai_http_status",
}
"""What PostHog has a name for and Plano 0.4 gives only that."""

_ALSO: Final = {
    "llm.usage.cached_input_tokens": "$ai_cache_read_input_tokens",
    "llm.usage.cache_creation_tokens": "$ai_cache_creation_input_tokens",
    "llm.usage.reasoning_tokens": "$ai_reasoning_tokens",
    "llm.usage.input_cost_usd": "$ai_input_cost_usd",
    "llm.usage.output_cost_usd": "$ai_output_cost_usd",
    "llm.usage.total_cost_usd": "$ai_total_cost_usd",
    "llm.temperature": "$ai_temperature",
    "plano.session_id": "$ai_session_id",
    "error.type": "$ai_error",
}
"""What it has a name for too; Plano 0.4's own stays beside it."""


class PostHogSink:
    """One project. Spans without a model are no events."""

    def __init__(self, settings: PostHog) -> None:
        self._settings = settings
        self._url = urlsplit(settings.url)
        self.name = f"{self._url.scheme}://{self._url.netloc}"

    def export(self, spans: Sequence[Ended]) -> bool:
        """Send events; return whether they have arrived."""
        batch = [
            event(span, with_messages=self._settings.capture_messages)
            for span in spans
            if isinstance(span, Span) and _is_call(span)
        ]
        if not batch:
            return True
        body = orjson.dumps({"api_key": self._settings.api_key.get_secret_value(), "batch": batch})
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._url.netloc, timeout=_SECONDS)
        try:
            path = f"{self._url.path.rstrip('/')}/batch/"
            connection.request("POST", path, body, {"content-type": "application/json"})
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def close(self) -> None:
        """Do nothing: connections are not kept."""


def event(span: Span, *, with_messages: bool) -> dict[str, Any]:
    """Return a span as an event."""
    found = dict(span.attributes)
    trace_id = f"{span.context.trace_id:032x}"
    words, first, who = found.pop(PREVIEW, None), found.get("llm.time_to_first_token"), found.get(DISTINCT_ID)
    properties: dict[str, Any] = {_MAPPED.get(name, name): value for name, value in found.items()}
    properties |= {theirs: found[ours] for ours, theirs in _ALSO.items() if ours in found}
    properties |= {
        "$ai_span_name": span.name,
        "$ai_trace_id": trace_id,
        "$ai_span_id": f"{span.context.span_id:016x}",
        "$ai_latency": (span.end_ns - span.start_ns) / 1e9,
        "$ai_stream": bool(found.get("llm.is_streaming", False)),
        "$ai_is_error": int(found.get("http.status_code", 0)) >= 400,
    }
    if span.parent is not None:
        properties["$ai_parent_id"] = f"{span.parent.span_id:016x}"
    if isinstance(first, (int, float)) and properties["$ai_stream"]:
        properties["$ai_time_to_first_token"] = first / 1000
    if with_messages and words is not None:
        properties["$ai_input"] = [{"role": "user", "content": words}]
    if who is None:
        properties["$process_person_profile"] = False
    at = datetime.fromtimestamp(span.end_ns / 1e9, UTC)
    return {
        "event": "$ai_generation",
        "distinct_id": str(who) if who is not None else trace_id,
        "properties": properties,
        "timestamp": at.isoformat(timespec="milliseconds"),
    }


def _is_call(span: Span) -> bool:
    return "llm.model" in span.attributes
