"""The planner under governance: checked before it runs, watched while it runs, held to its rules afterwards."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from plano_agents.llm_planner.agent import LLMPlannerAgent
from plano_agents.llm_planner.checkpoints import Checkpoints
from plano_agents.llm_planner.governance import AgentPhase, AgentStateTracker
from plano_agents.llm_planner.metadata import AgentMetadata
from plano_agents.llm_planner.monitors import ActionMonitor, Alert
from plano_agents.llm_planner.output import AgentOutput, Decision, TaskRequest
from plano_extproc.stores import StoreError

HEARTBEAT_SECONDS = 1.0
"""How often a run shows that it lives, and looks whether it may go on."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found before a run; `problems` are empty where it may begin."""

    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run: its answer, what speaks against it, and what was done."""

    output: AgentOutput
    violations: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()
    figures: dict[str, int] = field(default_factory=dict)

    @property
    def is_compliant(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.violations


class GovernedAgent:
    """Runs an agent's tasks, one at a time. Without `checkpoints` nothing is written.

    `pace` is a pause in seconds before it begins to plan, for people who want to look on.
    """

    def __init__(
        self,
        agent: LLMPlannerAgent,
        tracker: AgentStateTracker,
        *,
        monitor: ActionMonitor | None = None,
        checkpoints: Checkpoints | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        pace: float = 0.0,
    ) -> None:
        self._agent = agent
        self._tracker = tracker
        self._monitor = monitor or ActionMonitor(agent.metadata)
        self._checkpoints = checkpoints
        self._seconds = heartbeat_seconds
        self._pace = pace
        self._revoked = threading.Event()

    def preflight(self) -> Preflight:
        """Look whether the agent may run: not revoked, its budget not spent, and its lock free; takes the lock."""
        try:
            if self._tracker.is_revoked():
                return Preflight(("the agent is revoked",))
            if not self._tracker.may_act():
                return Preflight(("the agent has spent its error budget",))
            if not self._tracker.acquire_lock():
                held = self._tracker.lock()
                return Preflight((f"the agent is locked by {held.owner if held else 'another run'}",))
        except StoreError as error:
            return Preflight((f"the agent's standing cannot be checked: {error}",))
        return Preflight()

    def run(self, task: TaskRequest, *, hand_off_to: str | None = None) -> RunReport:
        """Run a task, from preflight to exit; what it comes to is in the report, whatever happened."""
        self._monitor.begin()
        self._enter(AgentPhase.PREFLIGHT)
        found = self.preflight()
        if found.problems:
            self._monitor.alert("critical", found.problems[0])
            output = self._agent.output("preflight", Decision.ERROR, notes="; ".join(found.problems))
            return self._report(output)
        try:
            self._enter(AgentPhase.PLAN)
            self._save(AgentPhase.PLAN, task, None)
            with self._watching():
                self._revoked.wait(self._pace)
                output = self._agent.process_task(task, may_go_on=self._may_go_on, note=self._monitor.did)
            if self._revoked.is_set():
                self._monitor.alert("critical", "the agent was revoked while it ran")
                self._enter(AgentPhase.REVOKED)
                return self._report(self._agent.stopped(task, output.side_effects))
            self._enter(AgentPhase.VERIFY)
            self._monitor.end(confidence=output.confidence)
            report = self._report(output)
            self._enter(AgentPhase.REPORT)
            self._save(AgentPhase.REPORT, task, output)
            if hand_off_to is not None and report.is_compliant and self._checkpoints is not None and output.plan:
                self._enter(AgentPhase.HANDOFF)
                self._checkpoints.hand_off(hand_off_to, task, output)
            self._enter(AgentPhase.EXIT)
            return report
        finally:
            self._release()

    def _may_go_on(self) -> bool:
        if not self._revoked.is_set():
            self._look()
        return not self._revoked.is_set()

    def _look(self) -> None:
        try:
            self._tracker.update_heartbeat()
            if not self._tracker.may_act():
                self._revoked.set()
        except StoreError:
            # Nobody can say that it may go on.
            self._revoked.set()

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Show signs of life, and look whether the agent may go on, while it waits for its model."""
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.wait(self._seconds):
                self._look()

        thread = threading.Thread(target=watch, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _report(self, output: AgentOutput) -> RunReport:
        violations = compliance(output, self._agent.metadata, self._monitor)
        return RunReport(output, violations, tuple(self._monitor.alerts), self._monitor.figures())

    def _enter(self, phase: AgentPhase) -> None:
        try:
            self._tracker.update_phase(phase)
        except StoreError as error:
            self._monitor.alert("warning", f"the phase cannot be told: {error}")

    def _release(self) -> None:
        try:
            self._tracker.release_lock()
        except StoreError:
            # It expires by itself.
            return

    def _save(self, phase: AgentPhase, task: TaskRequest, output: AgentOutput | None) -> None:
        if self._checkpoints is not None:
            self._checkpoints.save(phase.value, task, output, time.time())


def compliance(output: AgentOutput, metadata: AgentMetadata, monitor: ActionMonitor) -> tuple[str, ...]:
    """Return what speaks against a run: what was done against the rules, and what its answer does not say."""
    found = [f"'{one.name}' was done, which is not allowed" for one in monitor.actions if not one.is_allowed]
    allowed = set(metadata.allowed_side_effects)
    found += [f"'{one}' is declared, which is not allowed" for one in output.side_effects if one not in allowed]
    done = {action.name for action in monitor.actions}
    found += [f"'{one}' was done and is not declared" for one in sorted(done & allowed - set(output.side_effects))]
    if output.agent_id != metadata.agent_id:
        found.append(f"the answer is by '{output.agent_id}', not by '{metadata.agent_id}'")
    if output.decision is Decision.EXECUTE and output.confidence < metadata.confidence_threshold:
        found.append("a decision below the confidence threshold was not escalated")
    return tuple(found)
