"""A report as others want it: attributes and events of a span, labels of counters, fields of the access log.

Only `span_events` can hold words of the conversation, and only where it is asked to.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from plano_extproc.signals.taxonomy import Quality, Report, severity

FLAG: Final = " 🚩"
"""What a span's name ends with where a conversation needs a look."""

Value = str | int | float | bool


def span_attributes(report: Report) -> dict[str, Value]:
    """Return the attributes of the span of the model's call."""
    found: dict[str, Value] = {
        "signals.quality": report.quality.value,
        "signals.quality_score": round(report.score, 2),
        "signals.turn_count": report.turns,
        "signals.efficiency_score": round(report.efficiency, 4),
    }
    for group, count in report.counts().items():
        found[f"signals.{group}.count"] = count
        found[f"signals.{group}.severity"] = severity(count)
    return found


def span_events(report: Report, *, with_text: bool) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield name and attributes of an event for each new signal; snippets only `with_text`."""
    for signal in report.new:
        about: dict[str, Value] = {
            "signal.type": signal.type,
            "signal.message_index": signal.message_index,
            "signal.confidence": signal.confidence,
        }
        if with_text and signal.snippet:
            about["signal.snippet"] = signal.snippet
        if signal.metadata:
            about["signal.metadata"] = orjson.dumps(dict(signal.metadata), default=str).decode()
        yield f"signal.{signal.type}", about


def is_flagged(report: Report) -> bool:
    """Whether a conversation needs a look; services at their limit alone do not ask for one."""
    counts = report.counts()
    return (
        report.quality in (Quality.POOR, Quality.SEVERE)
        or "interaction.disengagement" in counts
        or counts.get("interaction.stagnation", 0) > 2
        or "execution.failure" in counts
        or "execution.loops" in counts
    )


def counted(report: Report) -> tuple[str, ...]:
    """Return the types to be counted, one for each new signal."""
    return tuple(signal.type for signal in report.new)


def access_log_fields(report: Report) -> dict[str, Any]:
    """Return what the access log says: nothing where nothing was noticed, since most conversations are such."""
    if not report.signals:
        return {}
    return {
        "signal_quality": report.quality.value,
        "signal_score": round(report.score, 1),
        "signals": sorted({signal.type for signal in report.new}),
    }
