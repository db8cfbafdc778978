"""Where a run of the planner has come to, and what it hands to another agent: small files in a folder of its own."""

import json
import os
import re
from pathlib import Path
from typing import Any, Final

from plano_agents.llm_planner.output import AgentOutput, TaskRequest


class Checkpoints:
    """The checkpoints of one agent; the newest is `latest`, and at most `MOST` are kept."""

    MOST: Final = 20

    def __init__(self, folder: Path, agent_id: str) -> None:
        self._folder = folder
        self._prefix = _UNSAFE.sub("_", agent_id)

    def save(self, phase: str, task: TaskRequest, output: AgentOutput | None, at: float) -> Path:
        """Write a checkpoint; a reader sees all of it or none."""
        told = {
            "phase": phase,
            "at": at,
            "task": task.model_dump(),
            "output": output.model_dump(mode="json") if output else None,
        }
        numbers = [int(path.stem.rsplit("-", 1)[1]) for path in self._all()]
        path = self._write(f"{self._prefix}-{max(numbers, default=0) + 1:06}.json", told)
        for old in self._all()[: -self.MOST]:
            old.unlink(missing_ok=True)
        return path

    def latest(self) -> dict[str, Any] | None:
        """Return the newest checkpoint that can be read."""
        for path in reversed(self._all()):
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(found, dict):
                return found
        return None

    def hand_off(self, to: str, task: TaskRequest, output: AgentOutput) -> Path:
        """Write down a plan for another agent, which decides for itself whether it may do any of it."""
        told = {
            "from": output.agent_id,
            "to": to,
            "task": task.model_dump(),
            "plan": [step.model_dump() for step in output.plan],
            "constraints": task.constraints,
            "confidence": output.confidence,
            "needs_approval": True,
        }
        return self._write(self._handed(to), told)

    def handed_to(self, to: str) -> dict[str, Any] | None:
        """Return what was written down for an agent."""
        try:
            found = json.loads((self._folder / self._handed(to)).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _handed(self, to: str) -> str:
        return f"handoff-{self._prefix}-to-{_UNSAFE.sub('_', to)}.json"

    def _all(self) -> list[Path]:
        name = re.compile(rf"{re.escape(self._prefix)}-\d{{6}}\.json")
        return sorted(path for path in self._folder.glob("*.json") if name.fullmatch(path.name))

    def _write(self, name: str, told: dict[str, Any]) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, partial = self._folder / name, self._folder / f".{name}.{os.getpid()}"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=False, indent=1)
        partial.replace(path)
        return path


_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.\-]")
