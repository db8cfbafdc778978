"""What Converse has no words for: settings in the words of each family of models.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from plano_extproc.translate.chat import Json, Request
from plano_extproc.translate.claude import ThinkingPlan, beside_thinking, with_one_sampling
from plano_extproc.translate.efforts import effort_of
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import Profile


def in_own_words(request: Request, profile: Profile, losses: Losses) -> tuple[Request, Json]:
    """Return the fields that only the model's family knows, and the request without what these exclude."""
    write = _FAMILIES.get(profile.family, _other)
    return write(request, profile, losses)


def _claude(request: Request, profile: Profile, losses: Losses) -> tuple[Request, Json]:
    plan = ThinkingPlan(request, profile, losses)
    if plan.is_on:
        request = beside_thinking(request, losses)
    request = with_one_sampling(request, profile, losses)
    fields = dict(plan.fields)
    if request.top_k is not None:
        if "top_k" in profile.refused:
            losses.field("top_k")
        else:
            fields["top_k"] = request.top_k
    return replace(request, max_tokens=plan.max_tokens), fields


def _nova(request: Request, profile: Profile, losses: Losses) -> tuple[Request, Json]:
    fields: Json = {}
    if request.top_k is not None:
        fields["inferenceConfig"] = {"topK": request.top_k}
    wanted = request.reasoning
    if wanted is None or (wanted.mode == "off" and not profile.efforts):
        return request, fields
    if wanted.mode == "off":
        return request, {**fields, "reasoningConfig": {"type": "disabled"}}
    effort = effort_of(wanted, profile)
    if effort is None:
        losses.field("reasoning")
        return request, fields
    fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": effort}
    if effort == "high":
        # https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html: these are refused beside it.
        for name in ("max_tokens", "temperature", "top_p"):
            if getattr(request, name) is not None:
                losses.field(name)
        request = replace(request, max_tokens=None, temperature=None, top_p=None)
    return request, fields


def _gpt(request: Request, profile: Profile, losses: Losses) -> tuple[Request, Json]:
    request, effort = _by_effort(request, profile, losses)
    return request, {"reasoning": {"effort": effort}} if effort else {}


def _gpt_oss(request: Request, profile: Profile, losses: Losses) -> tuple[Request, Json]:
    request, effort = _by_effort(request, profile, losses)
    return request, {"reasoning_effort": effort} if effort else {}


def _by_effort(request: Request, profile: Profile, losses: Losses) -> tuple[Request, str | None]:
    if request.top_k is not None:
        losses.field("top_k")
    effort = effort_of(request.reasoning, profile) if request.reasoning else None
    if request.reasoning and effort is None:
        losses.field("reasoning")
    return request, effort


def _other(request: Request, profile: Profile, losses: Losses) -> tuple[Request, Json]:  # noqa: ARG001 - a `_Write`
    if request.top_k is not None:
        losses.field("top_k")
    if request.reasoning and request.reasoning.mode != "off":
        losses.field("reasoning")
    return request, {}


_Write = Callable[[Request, Profile, Losses], tuple[Request, Json]]
_FAMILIES: Final[Mapping[str, _Write]] = {
    "claude": _claude,
    "nova": _nova,
    "gpt": _gpt,
    "gpt-oss": _gpt_oss,
}
