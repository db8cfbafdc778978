"""Each call of a tool is answered once: providers refuse a turn in which the same call is answered again."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from plano_extproc.translate.chat import Block, Message, ToolResult, ToolUse
from plano_extproc.translate.losses import Losses


def answered_once(messages: Iterable[Message], losses: Losses) -> Iterator[Message]:
    """Yield messages with the first result of each call of a turn alone; one that differs from it is named as lost."""
    results: dict[str, ToolResult] = {}
    for message in messages:
        if message.role == "assistant":
            if any(isinstance(block, ToolUse) for block in message.blocks):
                # Some providers count ids anew in each turn.
                results = {}
            yield message
            continue
        blocks = [block for block in message.blocks if _is_first(block, results, losses)]
        yield message if len(blocks) == len(message.blocks) else replace(message, blocks=tuple(blocks))


def _is_first(block: Block, results: dict[str, ToolResult], losses: Losses) -> bool:
    if not isinstance(block, ToolResult):
        return True
    first = results.setdefault(block.id, block)
    if (first.content, first.is_error) != (block.content, block.is_error):
        losses.add("messages[].content[tool_result]")
    return first is block
