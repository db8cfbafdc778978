"""Signatures of tool calls, carried through clients in the ids of the calls.

Gemini signs its calls and refuses a conversation that gives them back without. Clients of other dialects have no field
for it, but every one of them keeps the id of a call, since its result must name it. So the signature stands behind the
id, in characters that every dialect takes in an id. Other providers get the ids without.
"""

import base64
import binascii
import re
from typing import Final

from plano_extproc.translate.names import fitted

_MARK: Final = "__thought__"
_MARK_BYTES: Final = _MARK.encode()
_ID_LIMIT: Final = 64
_CARRIED: Final = re.compile(
    rb'("(?:id|call_id|tool_call_id|tool_use_id)"\s*:\s*"[^"\\]+?)' + _MARK.encode() + rb'[a-zA-Z0-9_-]*(?=")'
)


def with_signature(call_id: str, signature: str) -> str:
    """Return an id that carries a signature, which is base64; an empty one leaves the id as it is."""
    if not signature:
        return call_id
    carried = signature.replace("+", "-").replace("/", "_").rstrip("=")
    return f"{fitted(call_id, _ID_LIMIT)}{_MARK}{carried}"


def parted(call_id: str) -> tuple[str, str | None]:
    """Return the plain id, and the signature that it carries; None where it carries none, or a broken one."""
    own, mark, carried = call_id.partition(_MARK)
    if not mark or not own:
        return call_id, None
    signature = standard_base64(carried)
    try:
        base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return own, None
    return own, signature or None


def plain(call_id: str) -> str:
    """Return the id alone."""
    return call_id.partition(_MARK)[0] or call_id


def with_plain_ids(body: bytes) -> bytes:
    """Return a request of any dialect with plain ids in place of those that carry signatures.

    It is for requests that go out as they came: OpenAI refuses long ids, and a conversation may move on from Gemini.
    """
    return _CARRIED.sub(rb"\1", body) if _MARK_BYTES in body else body


def fitted_id(call_id: str, limit: int) -> str:
    """Return the id alone as dialects take it that are strict about its characters."""
    return fitted(plain(call_id), limit)


def shortened_id(call_id: str, limit: int) -> str:
    """Return the id alone as OpenAI takes it, which refuses longer ones and no characters."""
    own = plain(call_id)
    return own if len(own) <= limit else fitted(own, limit)


def standard_base64(data: str) -> str:
    """Return base64 in its usual alphabet and with its padding; Google's Python client writes the other one."""
    usual = data.replace("-", "+").replace("_", "/").rstrip("=")
    return usual + "=" * (-len(usual) % 4)
