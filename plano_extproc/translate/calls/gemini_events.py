"""Calls in the pieces of a streamed answer of Gemini's: a part that calls is whole, or says that more will come."""

from typing import Any

from plano_extproc.translate.calls.answers import gemini_parts
from plano_extproc.translate.calls.call import Judge
from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.channels import each


class GeminiCalls:
    """Takes pieces in order."""

    def __init__(self, may_stay: Judge) -> None:
        self._may_stay = may_stay
        self._held: dict[int, list[Json]] = {}

    def event(self, told: Json) -> list[Json]:
        """Return the piece without the calls that may not stay. `told` is changed."""
        for at, candidate in each(told.get("candidates")):
            content = candidate.get("content")
            if not isinstance(content, dict) or not isinstance(content.get("parts"), list):
                continue
            index = candidate.get("index")
            kept = self._kept(index if isinstance(index, int) else at, content["parts"])
            # Google's clients call a content without parts broken.
            content["parts"] = kept or ([{"text": ""}] if content["parts"] else [])
        return [told]

    def end(self) -> list[Json]:
        """Return the calls that were never ended: none, as what they call is not known."""
        return []

    def _kept(self, index: int, parts: list[Any]) -> list[Any]:
        """Return the parts that may go on; a call that comes in pieces stands where its last piece does."""
        made: list[Any] = []
        for part in parts:
            called = part.get("functionCall") if isinstance(part, dict) else None
            if not isinstance(called, dict):
                made.extend(gemini_parts([part], self._may_stay))
                continue
            held = self._held.setdefault(index, [])
            held.append(part)
            if called.get("willContinue"):
                continue
            del self._held[index]
            if gemini_parts([_whole(held)], self._may_stay):
                made.extend(held)
        return made


def _whole(held: list[Json]) -> Json:
    """Return one part that says what all pieces of a call say."""
    if len(held) == 1 and "partialArgs" not in held[0]["functionCall"]:
        return held[0]
    pieces = [piece for part in held for piece in part["functionCall"].get("partialArgs") or ()]
    values = [str(value) for one in pieces for key, value in one.items() if key.endswith("Value")]
    name = next((part["functionCall"]["name"] for part in held if part["functionCall"].get("name")), "")
    return {"functionCall": {"name": name, "args": {"text": "".join(values)}}}
