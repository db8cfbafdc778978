"""Routing preferences that a request brings along: they take the place of the file's for this one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from plano_extproc.config.routing import RoutingPreference
from plano_extproc.errors import InvalidRequest
from plano_extproc.routing.ranking import Prefer

KEY: Final = "routing_preferences"
METADATA: Final = ("archgw_preference_config", "plano_preference_config")
"""Keys in a request's `metadata` that older clients used. No provider is to see them."""

MOST: Final = 512
"""Most preferences in one request: each is compared with the prompt."""

MOST_LETTERS: Final = 64 * 1024
"""Most letters of their names and descriptions together: all are read before the request goes on."""


@dataclass(frozen=True, slots=True)
class Preference:
    """A kind of request, and the models for it, best first."""

    name: str
    description: str
    models: tuple[str, ...]
    prefer: Prefer = "none"


def configured(preferences: tuple[RoutingPreference, ...]) -> tuple[Preference, ...]:
    """Return the preferences of the file."""
    return tuple(
        Preference(
            one.name,
            one.description,
            one.models,
            one.selection_policy.prefer if one.selection_policy else "none",
        )
        for one in preferences
    )


def taken(request: Mapping[str, Any]) -> tuple[Any, dict[str, Any] | None]:
    """Return what a request says of preferences, and the request without it; None where nothing had to go.

    The first is None where it says nothing, and else is for `inline` to read.
    """
    metadata = request.get("metadata")
    strays = isinstance(metadata, dict) and any(key in metadata for key in METADATA)
    if KEY not in request and not strays:
        return None, None
    left = {key: value for key, value in request.items() if key != KEY}
    if strays and isinstance(metadata, dict):
        kept = {key: value for key, value in metadata.items() if key not in METADATA}
        if kept:
            left["metadata"] = kept
        else:
            del left["metadata"]
    return request.get(KEY), left


def inline(given: object, serves: Callable[[str], bool]) -> tuple[Preference, ...]:
    """Read preferences of a request. `serves` says whether a model's name, or an alias, is configured.

    Raises `InvalidRequest` that says which entry is wrong, and names every unknown model at once.
    """
    if not isinstance(given, list):
        raise _wrong(KEY, "must be a list of preferences")
    if len(given) > MOST:
        raise _wrong(KEY, f"holds {len(given)} preferences; at most {MOST} are allowed")
    preferences = tuple(_preference(item, f"{KEY}[{at}]") for at, item in enumerate(given))
    letters = sum(len(one.name) + len(one.description) for one in preferences)
    if letters > MOST_LETTERS:
        raise _wrong(KEY, f"names and descriptions hold {letters} letters; at most {MOST_LETTERS} are allowed")
    names = [one.name for one in preferences]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _wrong(KEY, f"the name '{twice[0]}' stands twice; give each preference its own")
    models = dict.fromkeys(model for one in preferences for model in one.models)
    if unknown := [model for model in models if not serves(model)]:
        shown = ", ".join(f"'{name[:100]}'" for name in unknown[:20])
        raise InvalidRequest(
            f"{KEY}: not configured: {shown}; GET /v1/models lists what is", param=KEY, code="model_not_found"
        )
    return preferences


def _preference(item: object, where: str) -> Preference:
    if not isinstance(item, dict):
        raise _wrong(where, "must be an object with name, description and models")
    if unknown := sorted(item.keys() - _FIELDS):
        raise _wrong(f"{where}.{unknown[0]}", f"is unknown; known: {', '.join(sorted(_FIELDS))}")
    models = item.get("models")
    if not (isinstance(models, list) and models and all(isinstance(one, str) and one for one in models)):
        raise _wrong(f"{where}.models", "must be a list of at least one model's name")
    name, description = _text(item, "name", where), _text(item, "description", where, may_be_empty=True)
    return Preference(
        name, description, tuple(models), _prefer(item.get("selection_policy"), f"{where}.selection_policy")
    )


def _text(item: Mapping[str, Any], key: str, where: str, *, may_be_empty: bool = False) -> str:
    value = item.get(key, "" if may_be_empty else None)
    if not isinstance(value, str) or not (value or may_be_empty):
        raise _wrong(f"{where}.{key}", "must be a text" if may_be_empty else "must be a text that is not empty")
    return value


def _prefer(policy: object, where: str) -> Prefer:
    if policy is None:
        return "none"
    wanted = policy.get("prefer") if isinstance(policy, dict) else False
    found = _PREFER.get(wanted) if wanted is None or isinstance(wanted, str) else None
    if found is None:
        raise _wrong(f"{where}.prefer", "must be cheapest, fastest or none")
    return found


def _wrong(where: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"{where}: {what}", param=where)


_FIELDS: Final = frozenset({"name", "description", "models", "selection_policy"})
_PREFER: Final[Mapping[str | None, Prefer]] = {
    "cheapest": "cheapest",
    "fastest": "fastest",
    "none": "none",
    "": "none",
    None: "none",
}
