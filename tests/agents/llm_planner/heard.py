"""A model for the planner that says what a test wants."""

import json
from typing import Any

from plano_agents.llm_planner.model import Messages

DRAFT: dict[str, Any] = {
    "steps": [{"title": "Read the runbook", "details": "docs/runbook.md", "risk": "low"}],
    "confidence": 0.9,
    "assumptions": ["The sandbox exists"],
    "dependencies": ["A database"],
    "notes": "One step.",
    "missing_information": [],
}


class Heard:
    """A model that says one thing, and remembers what it was asked."""

    def __init__(self, said: Any) -> None:
        self.said = said if isinstance(said, str) else json.dumps(said)
        self.messages: list[Messages] = []

    def __call__(self, messages: Messages) -> str:
        self.messages.append(messages)
        return self.said
