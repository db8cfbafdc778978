"""The planner under governance: preflight, phases, heartbeat, revocation, checkpoints, hand-off, compliance."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plano_agents.llm_planner import AGENT_METADATA, Decision, LLMPlannerAgent, TaskRequest
from plano_agents.llm_planner.bootstrap import bootstrap
from plano_agents.llm_planner.checkpoints import Checkpoints
from plano_agents.llm_planner.governance import AgentPhase, AgentStateTracker, check_lock, is_revoked
from plano_agents.llm_planner.governed_agent import GovernedAgent
from plano_agents.llm_planner.model import Messages
from plano_agents.llm_planner.monitors import ActionMonitor, Alert
from plano_extproc.config.governance import ErrorBudget
from plano_extproc.stores import SharedStore, SqliteStore, shared_path
from plano_extproc.stores.board import Board
from tests.agents.llm_planner.heard import DRAFT, Heard
from tests.support.servers import RedisServer, redis_server

__all__ = ["redis_server"]

TASK = TaskRequest(description="Create a deployment plan for the web service")
AGENT = AGENT_METADATA.agent_id


@pytest.fixture(params=["sqlite", "redis"])
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An environment that names a store, and a tenant that no other test has."""
    store = "sqlite"
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        store = server.url
    return {"PLANO_HOME": str(tmp_path), "PLANO_GOVERNANCE_STORE": store, "PLANO_TENANT": tmp_path.name}


@pytest.fixture
def tracker(environ: dict[str, str]) -> Iterator[AgentStateTracker]:
    made = AgentStateTracker(AGENT, environ=environ, owner="run-1")
    yield made
    made.close()


def revoke(environ: dict[str, str]) -> None:
    """Do what `planoai agents revoke` does."""
    other = AgentStateTracker(AGENT, environ=environ)
    tenant = environ["PLANO_TENANT"]
    other._run(other._board.change(lambda standing: standing.with_revoked(AGENT, tenant, time.time())))
    other.close()


def governed(tracker: AgentStateTracker, ask: Callable[[Messages], str], **options: object) -> GovernedAgent:
    return GovernedAgent(LLMPlannerAgent(ask), tracker, **options)  # type: ignore[arg-type]


def test_a_run_goes_through_its_phases(tracker: AgentStateTracker, environ: dict[str, str]) -> None:
    seen: list[tuple[str, str | None]] = []

    def ask(messages: Messages) -> str:
        state = tracker.state()
        assert state.heartbeat > 0
        seen.append((state.phase, check_lock(AGENT, environ=environ)))
        return json.dumps(DRAFT)

    report = governed(tracker, ask).run(TASK)

    assert seen == [("plan", "run-1")]
    assert report.output.decision is Decision.EXECUTE
    assert report.is_compliant
    assert report.figures == {"llm_inference": 1, "generate_plan": 1, "alerts": 0}
    assert tracker.state().phase == "exit"
    assert check_lock(AGENT, environ=environ) is None


def test_a_revoked_agent_does_not_begin(tracker: AgentStateTracker, environ: dict[str, str]) -> None:
    assert not is_revoked(AGENT, environ=environ)
    revoke(environ)
    ask = Heard(DRAFT)
    report = governed(tracker, ask).run(TASK)

    assert is_revoked(AGENT, environ=environ)
    assert (report.output.action, report.output.decision) == ("preflight", Decision.ERROR)
    assert report.output.notes_for_humans == "the agent is revoked"
    assert ask.messages == []
    assert [alert.level for alert in report.alerts] == ["critical"]


def test_an_agent_that_is_revoked_while_it_waits_for_its_model_stops(
    tracker: AgentStateTracker, environ: dict[str, str]
) -> None:
    alerts: list[Alert] = []

    def ask(messages: Messages) -> str:
        revoke(environ)
        return json.dumps(DRAFT)

    report = governed(tracker, ask, monitor=ActionMonitor(tell=alerts.append)).run(TASK)

    assert report.output.decision is Decision.ERROR
    assert report.output.plan == []
    assert report.output.side_effects == ["llm_inference"]
    assert tracker.state().phase == "revoked"
    assert "the agent was revoked while it ran" in [alert.message for alert in alerts]


def test_a_heartbeat_goes_on_while_the_model_thinks(tracker: AgentStateTracker) -> None:
    beats: list[float] = []

    def ask(messages: Messages) -> str:
        until = time.monotonic() + 60
        while len(set(beats)) < 3 and time.monotonic() < until:
            beats.append(tracker.state().heartbeat)
            time.sleep(0.02)
        return json.dumps(DRAFT)

    governed(tracker, ask, heartbeat_seconds=0.05).run(TASK)
    assert len(set(beats)) >= 3


def test_an_agent_runs_once(tracker: AgentStateTracker, environ: dict[str, str]) -> None:
    other = AgentStateTracker(AGENT, environ=environ, owner="run-2")
    begun, end = threading.Event(), threading.Event()

    def ask(messages: Messages) -> str:
        begun.set()
        end.wait(60)
        return json.dumps(DRAFT)

    first = threading.Thread(target=governed(tracker, ask).run, args=(TASK,))
    first.start()
    assert begun.wait(60)
    report = governed(other, Heard(DRAFT)).run(TASK)
    end.set()
    first.join()

    assert report.output.notes_for_humans == "the agent is locked by run-1"
    assert governed(other, Heard(DRAFT)).run(TASK).output.decision is Decision.EXECUTE
    other.close()


def test_errors_of_its_own_are_counted(tracker: AgentStateTracker) -> None:
    budget = ErrorBudget(errors=2, per=600)

    assert not tracker.record_error(budget)
    assert tracker.record_error(budget)
    assert tracker.errors(budget) == 2


def test_a_suspended_agent_does_not_begin(tracker: AgentStateTracker) -> None:
    now = time.time()
    tracker._run(tracker._board.change(lambda one: one.with_suspended(AGENT, tracker.tenant, now, now + 60)))

    assert governed(tracker, Heard(DRAFT)).run(TASK).output.notes_for_humans == "the agent has spent its error budget"


def test_a_store_that_is_away_lets_nothing_begin(tmp_path: Path) -> None:
    tracker = AgentStateTracker(AGENT, environ={"PLANO_GOVERNANCE_STORE": "redis://127.0.0.1:1/0"})
    report = governed(tracker, Heard(DRAFT)).run(TASK)

    assert "cannot be checked" in report.output.notes_for_humans
    tracker.close()


def test_what_was_done_against_the_rules_is_a_violation(tracker: AgentStateTracker) -> None:
    class Wild(LLMPlannerAgent):
        def process_task(self, task, *, may_go_on=lambda: True, note=lambda _: None):  # type: ignore[no-untyped-def]
            note("ssh")
            made = super().process_task(task, may_go_on=may_go_on)
            return made.model_copy(update={"side_effects": ["generate_plan", "modify_files"], "confidence": 0.1})

    report = GovernedAgent(Wild(Heard(DRAFT)), tracker).run(TASK)

    assert set(report.violations) == {
        "'ssh' was done, which is not allowed",
        "'modify_files' is declared, which is not allowed",
        "a decision below the confidence threshold was not escalated",
    }
    assert {alert.level for alert in report.alerts} == {"critical", "warning"}


def test_checkpoints_and_a_hand_off_are_written(tracker: AgentStateTracker, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "own", AGENT)
    governed(tracker, Heard(DRAFT), checkpoints=checkpoints).run(TASK, hand_off_to="deployer")

    latest = checkpoints.latest()
    assert latest is not None
    assert (latest["phase"], latest["output"]["decision"]) == ("report", "EXECUTE")
    handed = checkpoints.handed_to("deployer")
    assert handed is not None
    assert handed["needs_approval"] is True
    assert handed["plan"][0]["title"] == "Read the runbook"
    for _ in range(30):
        checkpoints.save("plan", TASK, None, 1.0)
    assert len(list((tmp_path / "own").glob("llm-planner-*.json"))) == Checkpoints.MOST
    (tmp_path / "own" / f"{AGENT}-999999.json").write_text("cut off")
    assert checkpoints.latest() is not None


CONFIG = """\
version: v0.5.0
model_providers: [{model: openai/gpt-4o, access_key: k}]
agents: [{id: deployer, url: "http://127.0.0.1:1"}, {id: planner, url: "http://127.0.0.1:2"}]
governance:
  agents: [{id: deployer, tier: 1, forbidden_actions: [delete_vm]}, {id: planner, tier: 0}]
"""


def test_an_agent_of_tier_1_is_bootstrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANO_HOME", str(tmp_path))
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    told = bootstrap(file, "deployer", AGENT)

    assert (told["tier"], told["forbidden_actions"], told["plan"]) == (1, ["delete_vm"], None)
    tracker = AgentStateTracker("deployer")
    assert tracker.state().phase == AgentPhase.BOOTSTRAP.value
    with pytest.raises(ValueError, match="is of tier 0"):
        bootstrap(file, "planner", AGENT)
    with pytest.raises(ValueError, match="'nobody' is not governed"):
        bootstrap(file, "nobody", AGENT)
    tracker.acquire_lock()
    with pytest.raises(ValueError, match="runs already"):
        bootstrap(file, "deployer", AGENT)
    tracker.release_lock()
    tracker._run(tracker._board.change(lambda standing: standing.with_revoked("deployer", "*", 1.0)))
    tracker.close()
    with pytest.raises(ValueError, match="revoked or suspended"):
        bootstrap(file, "deployer", AGENT)


def test_the_commands_end_with_a_sentence(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False,
            env={"PLANO_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])},
        )  # fmt: skip

    assert run("plano_agents.llm_planner").returncode == 2
    gone = run("plano_agents.llm_planner", "--task", "Plan the deployment please", "--docs", str(tmp_path / "gone"))
    assert (gone.returncode, "Traceback" in gone.stderr) == (1, False)
    keyless = run("plano_agents.llm_planner", "--task", "Plan the deployment please", "--own-key")
    assert "set OPENROUTER_API_KEY" in keyless.stderr
    missing = run("plano_agents.llm_planner.bootstrap", "--file", str(tmp_path / "none.yaml"), "--agent", "x")
    assert (missing.returncode, "Traceback" in missing.stderr) == (1, False)


def store_of(path: Path) -> SharedStore:
    return SqliteStore(shared_path(path))


async def test_the_command_line_sees_what_the_tracker_writes(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    board = Board(store)
    await board.change(lambda standing: standing.with_revoked(AGENT, "*", 1.0))
    await store.close()

    assert is_revoked(AGENT, environ={"PLANO_HOME": str(tmp_path)})
