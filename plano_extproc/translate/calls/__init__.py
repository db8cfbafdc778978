"""The tools that a request offers and the calls of tools in an answer: seen by who may refuse them, and taken out.

`without_tools` is for requests, `without_calls` for whole answers, and `CallStream` for answers that stream.
"""

from plano_extproc.translate.calls.answers import without_calls
from plano_extproc.translate.calls.call import Call, Judge
from plano_extproc.translate.calls.offers import without_tools
from plano_extproc.translate.calls.streams import CallStream

__all__ = ["Call", "CallStream", "Judge", "without_calls", "without_tools"]
