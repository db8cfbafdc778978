"""Set up an agent of Tier 1: `python -m plano_agents.llm_planner.bootstrap --file config.yaml --agent ID`.

Looks whether the gateway's file governs the agent as one of Tier 1 or above, that it is not revoked and not running,
and notes that it is about to begin. A plan that was handed to it is shown; whether to follow it is for its own rules,
and for the person who approves it.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from plano_agents.llm_planner.checkpoints import Checkpoints
from plano_agents.llm_planner.governance import AgentPhase, AgentStateTracker
from plano_agents.llm_planner.metadata import AGENT_METADATA
from plano_extproc.config import environment, load
from plano_extproc.governance import Rulebook
from plano_extproc.stores import StoreError
from plano_extproc.stores.governing import governance_store


def main(arguments: list[str] | None = None) -> int:
    """Print what was found as JSON; 0 where the agent may begin, 1 where not."""
    parser = argparse.ArgumentParser(prog="python -m plano_agents.llm_planner.bootstrap", description=__doc__)
    parser.add_argument("--file", required=True, help="the gateway's configuration")
    parser.add_argument("--agent", required=True, help="the agent's id")
    parser.add_argument("--from-agent", default=AGENT_METADATA.agent_id, help="whose plan is looked for")
    options = parser.parse_args(arguments)
    try:
        told = bootstrap(Path(options.file), options.agent, options.from_agent)
    except (ValueError, OSError, StoreError) as problem:
        print(f"the agent cannot begin: {problem}", file=sys.stderr)
        return 1
    print(json.dumps(told, ensure_ascii=False, indent=2))
    return 0


def bootstrap(file: Path, agent: str, planner: str) -> dict[str, Any]:
    """Return the rules of an agent that may begin. Raises ValueError where it may not."""
    loaded = load(file, environ=environment(file, os.environ))
    if loaded.config is None:
        raise ValueError("; ".join(str(problem) for problem in loaded.errors))
    book = Rulebook.of(loaded.config)
    rules = book.agents.get(agent)
    if rules is None:
        raise ValueError(f"'{agent}' is not governed; add it to governance.agents with tier: 1")
    if rules.tier < 1:
        raise ValueError(f"'{agent}' is of tier {rules.tier}; this is for agents of Tier 1 and above")
    home = Path(os.environ.get("PLANO_HOME") or "~/.plano").expanduser()
    tracker = AgentStateTracker(agent, open_store=lambda: governance_store(book.governance, home))
    try:
        if not tracker.may_act():
            raise ValueError(f"'{agent}' is revoked or suspended; see planoai agents show {agent}")
        if (lock := tracker.lock()) is not None:
            raise ValueError(f"'{agent}' runs already, as {lock.owner}")
        tracker.update_phase(AgentPhase.BOOTSTRAP)
    finally:
        tracker.close()
    handed = Checkpoints(home / "state" / "checkpoints", planner).handed_to(agent)
    return {
        "agent": agent,
        "tier": rules.tier,
        "allowed_side_effects": list(rules.allowed_side_effects),
        "forbidden_actions": list(rules.actions.forbidden),
        "confidence_threshold": rules.confidence_threshold,
        "plan": handed,
    }


if __name__ == "__main__":
    sys.exit(main())
