"""Prompt targets: prompts that an API of the user's answers.

`Desk.of` collects a listener's targets, `serve` decides on one request and calls what it asks for. A request that is a
`NoMatch` goes to `serve_default`, to agents or to a model, with `with_system_prompt` where the file has one.
"""

from plano_extproc.prompts.answer import with_system_prompt
from plano_extproc.prompts.desk import Decider, Desk
from plano_extproc.prompts.match import Matcher
from plano_extproc.prompts.outcome import AskBack, Direct, Facts, NoMatch, Outcome, ToModel
from plano_extproc.prompts.serve import described, serve, serve_default

__all__ = [
    "AskBack",
    "Decider",
    "Desk",
    "Direct",
    "Facts",
    "Matcher",
    "NoMatch",
    "Outcome",
    "ToModel",
    "described",
    "serve",
    "serve_default",
    "with_system_prompt",
]
