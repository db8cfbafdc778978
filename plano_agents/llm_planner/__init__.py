"""A planner that reads and plans, and can execute nothing: a governed agent of Tier 0.

    from plano_agents.llm_planner import LLMPlannerAgent, TaskRequest

    output = LLMPlannerAgent().process_task(TaskRequest(task_type="plan", description="…", constraints=[]))

`governed_agent` runs it under governance, `python -m plano_agents.llm_planner --task …` from a command line.
"""

from plano_agents.llm_planner.agent import LLMPlannerAgent
from plano_agents.llm_planner.metadata import AGENT_METADATA, AgentMetadata
from plano_agents.llm_planner.output import AgentOutput, Decision, PlanStep, TaskRequest

__all__ = ["AGENT_METADATA", "AgentMetadata", "AgentOutput", "Decision", "LLMPlannerAgent", "PlanStep", "TaskRequest"]
