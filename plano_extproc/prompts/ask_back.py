"""Asking for what a call still needs, and knowing such a question again when it comes back in the history."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from plano_extproc.config.prompts import Parameter, PromptTarget
from plano_extproc.prompts.kinds import kind_of, wanted
from plano_extproc.prompts.readers import form_of
from plano_extproc.prompts.words import parts, spoken


def question(target: PromptTarget, missing: Collection[str], unclear: Mapping[str, tuple[Any, ...]]) -> str:
    """Return a short message that asks for the parameters in `missing`, in declared order.

    `unclear` are the choices for those of which the prompt said several values.
    """
    asked = [_described(one, unclear.get(one.name, ())) for one in target.parameters if one.name in missing]
    assert asked, "a question asks for something"
    return f"{_lead(target)} {_listed(asked)}{_END}"


def asked_by(text: str, targets: Sequence[PromptTarget]) -> tuple[PromptTarget, frozenset[str]] | None:
    """Return the target that an assistant's message asks for, and which parameters; None for any other message."""
    said = text.strip()
    if not said.endswith(_END.strip()):
        return None
    for target in targets:
        if said.startswith(_lead(target)):
            rest = said.removeprefix(_lead(target))
            return target, frozenset(one.name for one in target.parameters if f"the {_bold(one)}" in rest)
    return None


def _lead(target: PromptTarget) -> str:
    words = parts(target.name)
    verb = words[0] if words else ""
    named = spoken(target.name)
    return f"{'To ' + named if verb in VERBS else 'For the ' + named}, I still need"


def _described(parameter: Parameter, choices: tuple[Any, ...]) -> str:
    said = f"the {_bold(parameter)}"
    if choices:
        return f"{said}: {' or '.join(map(str, choices))}"
    notes = [parameter.description.strip().rstrip(".")] if _tells_more(parameter) else []
    if parameter.enum or kind_of(parameter).base in ("dict", "bool") or form_of(parameter) in ("date", "sized"):
        notes += [wanted(parameter)] if parameter.enum or parameter.format or kind_of(parameter).base != "str" else []
    return f"{said} ({'; '.join(notes)})" if notes else said


def _tells_more(parameter: Parameter) -> bool:
    words = {word.lower().strip(".,") for word in parameter.description.split()}
    return bool(words - {*parts(parameter.name), "the", "a", "an", "of", "its", "to"})


def _bold(parameter: Parameter) -> str:
    return f"**{spoken(parameter.name)}**"


def _listed(asked: list[str]) -> str:
    if len(asked) == 1:
        return asked[0]
    return f"{', '.join(asked[:-1])} and {asked[-1]}"


_END: Final = ". Could you tell me?"

_VERB_LIST: Final = """
    get fetch find show list search look check convert book order send create make add update change set delete remove
    cancel start stop restart reboot run compute calculate plan invite schedule track pay buy sell translate summarize
    read write open close post put play query retrieve describe compare count upload download turn switch reserve rent
"""
VERBS: Final = frozenset(_VERB_LIST.split())
"""Names of targets that begin with one of these read as something to do."""
