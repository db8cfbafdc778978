"""The user's agents: which of them answer, in which order, and with what said between them."""

from plano_extproc.agents.agent import Agent, Record, Running, chat_agents, passed_through
from plano_extproc.agents.chain import MOST_INSTANCES, Handover, Joined, run
from plano_extproc.agents.history import joined
from plano_extproc.agents.select import Candidate, Routed, Router, Selection, select

__all__ = [
    "MOST_INSTANCES",
    "Agent",
    "Candidate",
    "Handover",
    "Joined",
    "Record",
    "Routed",
    "Router",
    "Running",
    "Selection",
    "chat_agents",
    "joined",
    "passed_through",
    "run",
    "select",
]
