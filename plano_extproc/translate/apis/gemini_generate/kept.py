"""What a model of another vendor wants back, carried through Gemini's clients in place of a thought signature.

These clients show a model's thinking and forget it, but give the signature of any other part back as they got it; some
of them as base64 of another alphabet, so that what is carried must be base64.
"""

import base64
import binascii
from typing import Final

import orjson

from plano_extproc.translate.call_ids import standard_base64
from plano_extproc.translate.chat import Json, RedactedThinking, Thinking

_MARK: Final = b"plano:"


class Kept:
    """Holds thinking until a part comes that can carry it."""

    def __init__(self) -> None:
        self._blocks: list[Thinking | RedactedThinking] = []

    def hold(self, block: Thinking | RedactedThinking) -> None:
        """Take one more block."""
        self._blocks.append(block)

    def onto(self, part: Json) -> Json:
        """Return the part with all that is held, if it has to carry it.

        A call of a tool carries thinking without a signature too: there are models that want it back with the call.
        """
        if not self._blocks or not ("functionCall" in part or any(map(_is_signed, self._blocks))):
            return part
        told = [_written(block) for block in self._blocks]
        self._blocks.clear()
        return {**part, "thoughtSignature": base64.b64encode(_MARK + orjson.dumps(told)).decode()}


def restored(signature: str) -> list[Thinking | RedactedThinking] | None:
    """Return the thinking that a signature carries; None where it is one of Gemini's own."""
    try:
        carried = base64.b64decode(standard_base64(signature), validate=True)
        return [_read(told) for told in orjson.loads(carried.removeprefix(_MARK))] if _is_ours(carried) else None
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def _is_ours(carried: bytes) -> bool:
    return carried.startswith(_MARK)


def _is_signed(block: Thinking | RedactedThinking) -> bool:
    return isinstance(block, RedactedThinking) or block.signature is not None


def _written(block: Thinking | RedactedThinking) -> Json:
    if isinstance(block, RedactedThinking):
        return {"data": block.data}
    return {"thinking": block.text, "signature": block.signature}


def _read(told: Json) -> Thinking | RedactedThinking:
    # The client may have changed it, so that each value is made sure of.
    if "data" in told:
        return RedactedThinking(str(told["data"]))
    signature = told["signature"]
    return Thinking(str(told["thinking"]), None if signature is None else str(signature))
