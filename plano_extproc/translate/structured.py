"""Structured output for models that cannot be held to a schema: they must call a tool whose input is the answer."""

from dataclasses import replace
from typing import Final

import orjson

from plano_extproc.translate.chat import Answer, Finish, Request, Text, Tool, ToolChoice, ToolUse
from plano_extproc.translate.deltas import ArgumentsDelta, BlockStart, Delta, Finished, TextDelta
from plano_extproc.translate.losses import Losses

JSON_TOOL: Final = "json_tool_call"


def as_tool(request: Request, losses: Losses) -> Request:
    """Return the request with its output schema made a tool that must be called.

    A model that thinks cannot be forced to call a tool, so then the schema is lost.
    """
    if request.output is None:
        return request
    if request.reasoning and request.reasoning.mode != "off":
        losses.field("output")
        return replace(request, output=None)
    tool = Tool(JSON_TOOL, request.output.description or "Give the answer in this form.", request.output.schema)
    choice = ToolChoice("required") if request.tools else ToolChoice("tool", JSON_TOOL)
    return replace(request, output=None, tools=(*request.tools, tool), tool_choice=choice, parallel_tools=False)


def unwrapped(answer: Answer) -> Answer:
    """Return the answer with the input of the tool call as its text."""
    blocks = tuple(
        Text(orjson.dumps(block.input).decode()) if isinstance(block, ToolUse) and block.name == JSON_TOOL else block
        for block in answer.blocks
    )
    return replace(answer, blocks=blocks, finish=_finish(answer.finish, any(isinstance(b, ToolUse) for b in blocks)))


class Unwrap:
    """Does the same to a stream."""

    def __init__(self) -> None:
        self._inside = False
        self._tool_used = False

    def take(self, delta: Delta) -> Delta:
        """Return what stands for `delta`."""
        match delta:
            case BlockStart(kind="tool_use", name=name):
                self._inside = name == JSON_TOOL
                self._tool_used |= not self._inside
                return BlockStart("text") if self._inside else delta
            case BlockStart():
                self._inside = False
            case ArgumentsDelta(json=text) if self._inside:
                return TextDelta(text)
            case Finished():
                return replace(delta, finish=_finish(delta.finish, self._tool_used))
        return delta


def _finish(finish: Finish, tool_used: bool) -> Finish:
    return finish.given(tool_used=tool_used)
