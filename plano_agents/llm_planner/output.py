"""What the planner is asked and what it answers, and what it wants to hear from its model."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_Share = Annotated[float, Field(ge=0, le=1)]
_Line = Annotated[str, Field(max_length=4000)]


class Decision(StrEnum):
    """What became of a task."""

    EXECUTE = "EXECUTE"
    SKIP = "SKIP"
    ESCALATE = "ESCALATE"
    INSUFFICIENT_INFORMATION = "INSUFFICIENT_INFORMATION"
    ERROR = "ERROR"


class TaskRequest(BaseModel):
    """A task. `constraints` hold for every step of the plan."""

    model_config = ConfigDict(extra="forbid")

    task_type: str = Field("plan", max_length=100, description="plan, analyze, review or summarize.")
    description: str = Field(max_length=20_000, description="What is to be planned.")
    constraints: list[_Line] = Field(default_factory=list, max_length=100)


class PlanStep(BaseModel):
    """One step of a plan, in words: nobody here runs it."""

    model_config = ConfigDict(extra="ignore")

    title: _Line
    details: _Line = ""
    risk: str = Field("unknown", max_length=200)


class AgentOutput(BaseModel):
    """The structured answer; `decision`, `confidence` and `side_effects` are read by the gateway too."""

    agent_id: str
    version: str
    timestamp: str = Field(description="ISO 8601, UTC.")
    action: str = Field(description="What was attempted.")
    decision: Decision
    confidence: _Share
    assumptions: list[str] = []
    dependencies: list[str] = []
    side_effects: list[str] = Field([], description="What was done, in the words of allowed_side_effects.")
    notes_for_humans: str = ""
    plan: list[PlanStep] = []


class Draft(BaseModel):
    """What the model is to say. It is data: nothing in it is ever done."""

    model_config = ConfigDict(extra="ignore")

    steps: list[PlanStep] = Field(max_length=100)
    confidence: _Share = 0.5
    assumptions: list[_Line] = []
    dependencies: list[_Line] = []
    notes: str = Field("", max_length=20_000)
    missing_information: list[_Line] = Field([], description="What must be known first, if anything.")


def draft_schema() -> dict[str, Any]:
    """Return the schema of a draft, for the model's `response_format`."""
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    step = {
        "type": "object",
        "properties": {"title": text, "details": text, "risk": {"type": "string", "enum": ["low", "medium", "high"]}},
        "required": ["title", "details", "risk"],
        "additionalProperties": False,
    }
    properties = {
        "steps": {"type": "array", "items": step},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "assumptions": texts,
        "dependencies": texts,
        "notes": text,
        "missing_information": texts,
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
