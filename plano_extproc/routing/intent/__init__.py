"""What a text asks for: matching prompts against routes, agents and topics that are described in words."""

from plano_extproc.routing.intent.clauses import match_many
from plano_extproc.routing.intent.decide import Decision, Router, choose, decide
from plano_extproc.routing.intent.encoder import EncoderMissing
from plano_extproc.routing.intent.route import THRESHOLD, Match, Matcher, Route

__all__ = [
    "THRESHOLD",
    "Decision",
    "EncoderMissing",
    "Match",
    "Matcher",
    "Route",
    "Router",
    "choose",
    "decide",
    "match_many",
]
