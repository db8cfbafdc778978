"""Who the planner is, and what it may do."""

from dataclasses import dataclass
from typing import Final

VERSION: Final = "1.0.0"


@dataclass(frozen=True, slots=True)
class AgentMetadata:
    """What governance knows of an agent; the gateway's own file has the last word about it."""

    agent_id: str
    agent_role: str
    tier: int
    confidence_threshold: float
    allowed_side_effects: tuple[str, ...]
    forbidden_actions: tuple[str, ...]


AGENT_METADATA: Final = AgentMetadata(
    agent_id="llm-planner-001",
    agent_role="observer",
    tier=0,
    confidence_threshold=0.7,
    allowed_side_effects=("read_docs", "read_inventory", "read_logs", "generate_plan", "llm_inference"),
    forbidden_actions=(
        "ssh",
        "create_vm",
        "modify_vm",
        "delete_vm",
        "run_ansible",
        "run_terraform",
        "write_secrets",
        "execute_shell",
        "modify_files",
    ),
)
