"""How much to think, in the words of OpenAI's dialects."""

from typing import Final

from plano_extproc.translate.chat import Reasoning
from plano_extproc.translate.profile import Profile


def effort_of(reasoning: Reasoning, profile: Profile) -> str | None:
    """Return the closest effort that the model knows; None where it knows none."""
    if reasoning.mode == "off":
        return profile.nearest_effort("none")
    if reasoning.effort:
        return profile.nearest_effort(reasoning.effort)
    if reasoning.budget is None:
        return profile.nearest_effort("medium")
    return profile.nearest_effort(next(effort for least, effort in _EFFORTS if reasoning.budget >= least))


_EFFORTS: Final = (
    (16384, "max"), (8192, "xhigh"), (4096, "high"), (2048, "medium"), (1024, "low"), (0, "minimal"),
)  # fmt: skip
"""The effort for a budget of at least so many tokens."""
