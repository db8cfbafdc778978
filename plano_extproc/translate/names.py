"""Names and ids that fit a dialect's rules: changed only where they must be, always in the same way.

The same input gives the same output, so that a call and its result, or this turn and the next, still belong
together; a digest keeps two different inputs apart.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace

from plano_extproc.translate.chat import Block, Request, ToolUse

_NOT_ALLOWED = re.compile(r"[^a-zA-Z0-9_-]")
_DIGEST_LENGTH = 8


def fitted(name: str, limit: int) -> str:
    """Return `name` made of letters, digits, `_` and `-` only, and no longer than `limit`."""
    clean = _NOT_ALLOWED.sub("_", name)
    if clean == name and 0 < len(name) <= limit:
        return name
    return f"{clean[: limit - _DIGEST_LENGTH - 1]}_{_digest(name)[:_DIGEST_LENGTH]}"


def derived_id(prefix: str, *parts: object) -> str:
    """Return an id for something that its provider gave none, always the same for the same parts."""
    return f"{prefix}{_digest(':'.join(map(str, parts)))[:24]}"


def shortened(value: str, limit: int) -> str:
    """Return `value`, or where it is too long a digest of it that stands for it."""
    return value if len(value) <= limit else _digest(value)[:limit]


def fit_tools(request: Request, limit: int, *, lettered: bool = False) -> tuple[Request, Mapping[str, str]]:
    """Return the request with tool names that a dialect takes, and the original of each name that had to change.

    `lettered` says that the dialect's names begin with a letter or `_`.
    """
    originals: dict[str, str] = {}
    for name in _tool_names(request):
        fit = fitted(name, limit)
        if lettered and not (fit[0].isalpha() or fit[0] == "_"):
            # The digest keeps it apart from a name that begins like this of its own.
            fit = f"_{fitted(f'{name}.', limit - 1)}"
        if fit != name:
            originals[fit] = name
    if not originals:
        return request, originals
    fits = {name: fit for fit, name in originals.items()}
    choice = request.tool_choice
    return (
        replace(
            request,
            tools=tuple(replace(tool, name=fits.get(tool.name, tool.name)) for tool in request.tools),
            tool_choice=choice and replace(choice, tool=fits.get(choice.tool, choice.tool)),
            messages=tuple(
                replace(message, blocks=tuple(renamed(block, fits) for block in message.blocks))
                for message in request.messages
            ),
        ),
        originals,
    )


def renamed(block: Block, names: Mapping[str, str]) -> Block:
    """Return the block with its tool's other name, if it calls a tool that has one."""
    if isinstance(block, ToolUse) and block.name in names:
        return replace(block, name=names[block.name])
    return block


def _tool_names(request: Request) -> set[str]:
    called = {block.name for message in request.messages for block in message.blocks if isinstance(block, ToolUse)}
    return called | {tool.name for tool in request.tools}


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
