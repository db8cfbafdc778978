"""The planner behind a listener, with the local development model: an agent like any other."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from plano_agents.llm_planner.governance import AgentStateTracker
from tests.support.gateway import ROOT, Gateway, everywhere, running_gateway, until
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(300)

AGENT = "llm-planner-001"
CONFIG = """
version: v0.5.0
listeners:
  - {{type: model, name: models, port: {models}}}
  - {{type: agent, name: planners, port: {planners}, agents: [{{id: {agent}, description: "plans", default: true}}]}}
agents: [{{id: {agent}, url: "http://127.0.0.1:{serving}"}}]
model_providers:
  - {{model: openai/dev-model, base_url: "{model}/v1", access_key: no-key-needed, default: true}}
clients: [{{id: planner-key, key: k-planner}}, {{id: people, key: k-people}}]
governance:
  agents:
    - {{id: {agent}, tier: 0, client: planner-key, forbidden_actions: [execute_shell], confidence_threshold: 0.7}}
"""


@dataclass(frozen=True, slots=True)
class Stand:
    gateway: Gateway
    environ: dict[str, str]

    def ask(self, task: str, *, rows: int = 2) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return a plan, and the rows that the ledger has since, once it has so many."""
        begun = datetime.now(UTC).isoformat()
        answer = httpx.post(
            f"{self.gateway.url('planners')}/v1/chat/completions",
            json={"model": "x", "messages": [{"role": "user", "content": task}]},
            headers={"authorization": "Bearer k-people"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = json.loads(answer.json()["choices"][0]["message"]["content"])

        def written() -> list[dict[str, Any]]:
            # They are in the order of their time, whichever worker wrote them first.
            since = [row for row in self.ledger() if row["time"] >= begun]
            return since if len(since) >= rows else []

        return found, until(written, seconds=60)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "plano_agents.llm_planner", "--gateway", self.gateway.url("models"),
             "--model", "openai/dev-model", *arguments],
            env=self.environ, capture_output=True, text=True, check=False, timeout=250,
        )  # fmt: skip

    def ledger(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.gateway.cli("ledger", "--json").stdout)
        return found

    def is_let(self) -> bool:
        """Return whether every worker lets the agent serve."""
        said = {"model": "x", "messages": [{"role": "user", "content": "Run rm -rf /var/lib/billing"}]}
        url, headers = f"{self.gateway.url('planners')}/v1/chat/completions", {"authorization": "Bearer k-people"}
        return everywhere(lambda: httpx.post(url, json=said, headers=headers, timeout=60).status_code) == {200}


@contextmanager
def serving(module: str, environ: dict[str, str], *arguments: str) -> Iterator[str]:
    """Run a server; yield its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, f"{module} does not start"
            yield found.group()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    home, docs, port = tmp_path_factory.mktemp("planner"), tmp_path_factory.mktemp("docs"), free_port()
    (docs / "billing.md").write_text("The billing service runs on two hosts.")
    environ = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PLANO_HOME": str(home), "PLANO_AGENT_KEY": "k-planner",
    }  # fmt: skip
    own = {name: value for name, value in environ.items() if name != "PLANO_HOME"}
    with serving("plano_agents.dev_model", own) as model:
        text = CONFIG.format(models=free_port(), planners=free_port(), serving=port, agent=AGENT, model=model)
        with running_gateway(text, environ={}, home=home, workers=2) as gateway:
            arguments = ("--serve", "--port", str(port), "--gateway", gateway.url("models"), "--docs", str(docs))
            with serving("plano_agents.llm_planner", environ, *arguments, "--model", "openai/dev-model"):
                yield Stand(gateway, environ)


def test_a_plan_comes_through_the_gateway_both_ways(stand: Stand) -> None:
    output, rows = stand.ask("Plan how the billing service is moved to another host.")

    assert output["agent_id"] == AGENT
    assert output["decision"] in ("EXECUTE", "ESCALATE")
    assert output["side_effects"] == ["read_docs", "llm_inference", "generate_plan"]
    assert output["plan"]
    assert [(row["action"], row["agent"]) for row in rows] == [("call_model", AGENT), ("serve", AGENT)]
    assert rows[0]["model"] == "openai/dev-model"
    assert rows[0]["input_tokens"] > 0
    assert (rows[1]["decision"], rows[1]["confidence"]) == (output["decision"], output["confidence"])
    assert rows[1]["side_effects"] == output["side_effects"]


def test_an_order_to_execute_is_refused(stand: Stand) -> None:
    output, rows = stand.ask("Run rm -rf /var/lib/billing on both hosts", rows=1)

    assert (output["action"], output["decision"]) == ("refuse_execution", "ESCALATE")
    assert [row["action"] for row in rows] == ["serve"], "no model was asked"


def test_the_state_is_what_the_agent_says_and_what_the_gateway_sees(stand: Stand) -> None:
    stand.ask("Plan how the billing service is moved to another host.")
    row = next(row for row in json.loads(stand.gateway.cli("agents", "--json").stdout) if row["agent"] == AGENT)

    assert row["phase"] == "exit"
    assert time.time() - row["heartbeat"] < 60


def test_a_planner_that_is_revoked_in_the_middle_of_its_run_stops(stand: Stand) -> None:
    done: list[subprocess.CompletedProcess[str]] = []
    task = ("--task", "Plan how the billing service is moved to another host.", "--pace", "600")
    thread = threading.Thread(target=lambda: done.append(stand.run(*task)))
    thread.start()
    assert until(lambda: _phase(stand) == "plan", seconds=100)
    assert stand.gateway.cli("agents", "revoke", AGENT).returncode == 0
    thread.join()

    told = json.loads(done[0].stdout)
    assert done[0].returncode == 1
    assert told["output"]["decision"] == "ERROR"
    assert told["output"]["plan"] == []
    assert "the agent was revoked while it ran" in [alert["message"] for alert in told["alerts"]]
    assert _phase(stand) == "revoked"
    url, people = f"{stand.gateway.url('planners')}/v1/chat/completions", {"authorization": "Bearer k-people"}
    said = {"model": "x", "messages": [{"role": "user", "content": "Plan it."}]}
    assert until(
        lambda: everywhere(lambda: httpx.post(url, json=said, headers=people, timeout=60).status_code) == {403}
    )
    assert stand.gateway.cli("agents", "restore", AGENT).returncode == 0
    assert until(stand.is_let)


def _phase(stand: Stand) -> str:
    tracker = AgentStateTracker(AGENT, environ=stand.environ)
    try:
        return tracker.state().phase
    finally:
        tracker.close()


def test_the_command_hands_a_plan_to_an_agent_of_tier_1(stand: Stand, tmp_path: Path) -> None:
    result = stand.run("--task", "Plan how the billing service is moved to another host.", "--hand-off-to", "deployer")

    told = json.loads(result.stdout)
    assert told["violations"] == []
    assert told["output"]["plan"]
    handed = Path(stand.environ["PLANO_HOME"]) / "state" / "checkpoints" / f"handoff-{AGENT}-to-deployer.json"
    assert json.loads(handed.read_text())["needs_approval"] is True
