"""Run the planner: `python -m plano_agents.llm_planner --task "Plan …"`, or `--serve` as an agent behind a listener."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from plano_agents import serving
from plano_agents.llm_planner import credentials
from plano_agents.llm_planner.agent import LLMPlannerAgent
from plano_agents.llm_planner.checkpoints import Checkpoints
from plano_agents.llm_planner.confinement import confine
from plano_agents.llm_planner.governance import AgentStateTracker
from plano_agents.llm_planner.governed_agent import GovernedAgent, RunReport
from plano_agents.llm_planner.metadata import AGENT_METADATA
from plano_agents.llm_planner.model import GATEWAY, MODEL, GatewayModel
from plano_agents.llm_planner.output import Decision, TaskRequest
from plano_agents.llm_planner.reading import KINDS, Folders
from plano_agents.llm_planner.server import app
from plano_extproc.stores import StoreError


def main(arguments: list[str] | None = None) -> int:
    """Run one task and print its output as JSON, or serve. Returns 0 for a plan, 1 for none, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    if bool(options.task) == options.serve:
        print("give either --task or --serve", file=sys.stderr)
        return 2
    state = Path(os.environ.get("PLANO_HOME") or "~/.plano").expanduser() / "state"
    try:
        agent = _agent(options, os.environ)
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # From here on nothing can be started, nothing written but its own state, and nothing else read.
        if not confine((state,), _folders(options).values()):
            print("note: this kernel has no Landlock; only Python's own hooks confine the planner", file=sys.stderr)
        tracker = AgentStateTracker(agent.metadata.agent_id)
    except (credentials.NoCredential, ValueError, OSError, StoreError) as problem:
        print(f"the planner cannot start: {problem}", file=sys.stderr)
        return 1
    try:
        checkpoints = Checkpoints(state / "checkpoints", tracker.agent_id)
        governed = GovernedAgent(agent, tracker, checkpoints=checkpoints, pace=options.pace)
        if options.serve:
            what = "LLM planner (Tier 0: it plans, and executes nothing)"
            return serving.main(options, what, lambda: app(lambda task: governed.run(task).output))
        task = TaskRequest(task_type=options.type, description=options.task, constraints=options.constraint)
        return _print(governed.run(task, hand_off_to=options.hand_off_to))
    finally:
        tracker.close()


def _agent(options: argparse.Namespace, environ: Mapping[str, str]) -> LLMPlannerAgent:
    key = environ.get("PLANO_AGENT_KEY") or (credentials.api_key(environ) if options.own_key else "")
    return LLMPlannerAgent(
        GatewayModel(options.gateway, options.model, key, options.timeout),
        Folders(_folders(options)),
        metadata=replace(AGENT_METADATA, agent_id=options.agent_id),
    )


def _folders(options: argparse.Namespace) -> dict[str, Path]:
    return {kind: Path(path) for kind in KINDS if (path := getattr(options, kind)) is not None}


def _print(report: RunReport) -> int:
    told = {
        "output": report.output.model_dump(mode="json"),
        "violations": list(report.violations),
        "alerts": [asdict(alert) for alert in report.alerts],
        "figures": report.figures,
    }
    print(json.dumps(told, ensure_ascii=False, indent=2))
    return 0 if report.is_compliant and report.output.decision is Decision.EXECUTE else 1


def _parser() -> argparse.ArgumentParser:
    made = serving.parser("plano_agents.llm_planner", "A planner that reads and plans, and can execute nothing.")
    made.add_argument("--task", help="what is to be planned")
    made.add_argument("--type", default="plan", help="plan, analyze, review or summarize (default: plan)")
    made.add_argument("--constraint", action="append", default=[], help="what every step must keep to; may be repeated")
    made.add_argument("--serve", action="store_true", help="serve POST /v1/chat/completions instead")
    made.add_argument("--agent-id", default=AGENT_METADATA.agent_id, help="its id in the gateway's file")
    made.add_argument("--gateway", default=GATEWAY, help="the gateway's model listener")
    made.add_argument("--model", default=MODEL, help="the model that plans")
    made.add_argument(
        "--own-key", action="store_true", help="send the OpenRouter key of the environment, a file or Vault"
    )
    made.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for the model (default: 60)")
    made.add_argument("--pace", type=float, default=0.0, help="seconds to pause before it begins to plan")
    for kind in KINDS:
        made.add_argument(f"--{kind}", help=f"folder with {kind} that it may read")
    made.add_argument("--hand-off-to", help="id of the agent that the plan is written down for")
    return made


if __name__ == "__main__":
    sys.exit(main())
