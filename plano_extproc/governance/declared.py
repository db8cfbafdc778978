"""What an answer says of itself: agents that answer with one JSON object may declare a decision and their confidence.

    {"action": "plan", "decision": "EXECUTE", "confidence": 0.82, "side_effects": ["generate_plan"], …}

Such an object may stand alone or in a fenced block. An answer without one declares nothing, which is no error.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

Decision = Literal["EXECUTE", "SKIP", "ESCALATE", "INSUFFICIENT_INFORMATION", "ERROR"]
DECISIONS: Final[frozenset[str]] = frozenset(("EXECUTE", "SKIP", "ESCALATE", "INSUFFICIENT_INFORMATION", "ERROR"))

LONGEST: Final = 256 * 1024
"""Letters of an answer that may be such an object; a longer one is not read."""

_MOST_EFFECTS: Final = 50
_LONGEST_WORD: Final = 200


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration; what it leaves out is None or empty."""

    decision: Decision
    action: str = ""
    confidence: float | None = None
    side_effects: tuple[str, ...] = ()


def declared(text: str) -> Declared | None:
    """Return what an answer's text declares."""
    if len(text) > LONGEST or "decision" not in text:
        return None
    found = _FENCED.search(text)
    try:
        told: Any = orjson.loads(found.group(1) if found else text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, dict) or told.get("decision") not in DECISIONS:
        return None
    confidence = told.get("confidence")
    effects = told.get("side_effects")
    return Declared(
        told["decision"],
        _word(told.get("action")),
        _share(confidence),
        tuple(word for one in (effects if isinstance(effects, list) else [])[:_MOST_EFFECTS] if (word := _effect(one))),
    )


def _effect(value: Any) -> str:
    """Return the name of a side effect, which is a word or an object with one."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("type", "name", "action") if isinstance(value.get(key), str)), "")
    return _word(value)


def _share(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return min(max(float(value), 0.0), 1.0)


def _word(value: Any) -> str:
    return value[:_LONGEST_WORD] if isinstance(value, str) else ""


_FENCED: Final = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)
