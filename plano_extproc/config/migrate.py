"""Files of older versions, brought to the current shape one version at a time.

A converter takes a document's tree and returns the tree of the next version. Nodes that it moves keep their place and
their path, so that problems point at what the user wrote.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from plano_extproc.config.agents import Endpoint
from plano_extproc.config.document import Node
from plano_extproc.config.problem import Report
from plano_extproc.config.routing import Overrides
from plano_extproc.config.short_targets import spell_out

Version = tuple[int, int]
Converter = Callable[[Node, Report], Node]

CURRENT: Final = "v0.5.0"
CURRENT_VERSION: Final[Version] = (0, 5)
_VERSION: Final = re.compile(r"[vV]?(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?(?:-.*)?", re.ASCII)


def version_of(root: Node, report: Report) -> Version | None:
    """Return the version that a file is written in, or None after an error."""
    node = root.get("version")
    if node is None:
        report.error(root.place, "version", "is required", f"Write 'version: {CURRENT}' at the top.")
        return None
    written = node.value if isinstance(node.value, str) else node.text
    match = _VERSION.fullmatch(written)
    if match is None:
        report.error(node.place, node.path, "is no version", f"Write 'version: {CURRENT}'.")
        return None
    major, minor, patch = (int(part or 0) for part in match.groups())
    if (major, minor, patch) > (*CURRENT_VERSION, 0):
        hint = f"Update planoai, or write 'version: {CURRENT}'."
        report.error(node.place, node.path, f"{written} is written for a newer planoai", hint)
        return None
    if (major, minor) != CURRENT_VERSION and (major, minor) not in CONVERTERS:
        known = ", ".join(f"v{major}.{minor}.0" for major, minor in (*CONVERTERS, CURRENT_VERSION))
        report.error(node.place, node.path, f"{written} never was a version", f"Known: {known}.")
        return None
    return major, minor


def migrate(root: Node, version: Version, report: Report) -> Node:
    """Return the tree in the current shape."""
    while version in CONVERTERS:
        root = CONVERTERS[version](root, report)
        version = version[0], version[1] + 1
    root = spell_out(root, report)
    written = root.get("version")
    assert written is not None
    return root.holding({**root.mapping, "version": written.holding(CURRENT)})


def _unchanged(root: Node, _: Report) -> Node:
    return root


def _providers_key(root: Node) -> str:
    return "model_providers" if "model_providers" in root.mapping else "llm_providers"


def _lift_preferences(root: Node, report: Report) -> Node:
    """v0.3 to v0.4: preferences stand under `routing_preferences`, not under each provider."""
    key = _providers_key(root)
    providers = root.get(key)
    inlines = [node for p in providers.items if (node := p.get("routing_preferences"))] if providers else []
    if providers is None or not inlines:
        return root
    message = "is deprecated: preferences stand at the top level since v0.4.0"
    report.warning(inlines[0].start, inlines[0].path, message, "Name each once there, with its list of models.")
    lifted: dict[str, Node] = {}
    for provider in providers.items:
        if inline := provider.get("routing_preferences"):
            _lift(provider, inline, lifted, report)
    bare = [p.without("routing_preferences") if p.mapping else p for p in providers.items]
    root = root.holding({**root.mapping, key: providers.holding(bare)})
    declared = root.get("routing_preferences")
    if declared is not None and not isinstance(declared.value, list):
        return root
    own = declared.items if declared is not None else []
    names = {name.string for preference in own if (name := preference.get("name"))}
    new = [preference for name, preference in lifted.items() if name not in names]
    preferences = (declared or inlines[0]).holding([*own, *new])
    return root.holding({**root.mapping, "routing_preferences": preferences})


def _lift(provider: Node, inline: Node, lifted: dict[str, Node], report: Report) -> None:
    model = provider.get("model")
    if model is None or not isinstance(model.value, str):
        return
    if model.value.endswith("/*"):
        message = f"preferences are not allowed on '{model.value}'"
        report.error(inline.start, inline.path, message, "Name the models of each preference at the top level.")
        return
    if not isinstance(inline.value, list):
        report.error(inline.place, inline.path, "should be a list of preferences")
    for entry in inline.items:
        name = entry.get("name")
        if name is None or not name.string:
            report.warning(entry.place, entry.path, "is ignored: it has no name")
            continue
        for key, node in entry.mapping.items():
            if key not in ("name", "description"):
                report.warning(node.start, node.path, "is an unknown key and is ignored")
        description = entry.get("description") or entry.made("", f"{entry.path}.description")
        known = lifted.get(name.value)
        if known is None:
            entries = {"name": name, "description": description, "models": inline.made(None).holding([model])}
            lifted[name.value] = entry.holding(entries)
            continue
        models = known.mapping["models"]
        lifted[name.value] = known.holding({**known.mapping, "models": models.holding([*models.items, model])})
        if description.value != known.mapping["description"].value:
            message = f"differs from the first description of '{name.value}', which holds"
            report.warning(description.start, description.path, message, "Describe each preference once.")


def _current_shape(root: Node, report: Report) -> Node:
    """v0.4 to v0.5: one form of listeners, one name for providers, no unknown keys that used to pass."""
    for step in (_rename_providers, _listen_in_a_list, _drop_stray_preferences, _share_the_router, _drop_unknown):
        root = step(root, report)
    return root


def _rename_providers(root: Node, report: Report) -> Node:
    legacy = root.get("llm_providers")
    if legacy is None:
        return root
    if "model_providers" in root.mapping:
        message = "stands beside model_providers, and means the same"
        report.error(legacy.start, legacy.path, message, "Move its entries to model_providers.")
        return root.without("llm_providers")
    entries = {"model_providers" if key == "llm_providers" else key: node for key, node in root.mapping.items()}
    return root.holding(entries)


_LEGACY: Final[dict[str, str]] = {"egress_traffic": "model", "ingress_traffic": "prompt"}
"""The keys of the old object form, and the type of listener that each became."""


def _listen_in_a_list(root: Node, report: Report) -> Node:
    legacy = root.get("listeners")
    if legacy is None or not isinstance(legacy.value, dict):
        return root
    providers = root.get("model_providers")
    if providers is None or not providers.items:
        message = "this form of listeners needs model_providers"
        report.error(legacy.start, legacy.path, message, "Add at least one provider.")
    listeners = []
    for key, node in legacy.mapping.items():
        if key not in _LEGACY:
            report.error(node.start, node.path, "is an unknown key", f"Known: {', '.join(_LEGACY)}.")
        elif not isinstance(node.value, dict):
            if node.value is not None:
                report.error(node.place, node.path, "should be a mapping")
        elif node.mapping or key == "egress_traffic":
            if told := node.get("message_format"):
                report.warning(told.start, told.path, "has no effect: callers are answered in their own dialect")
            entries = {"name": node.made(key), "type": node.made(_LEGACY[key])}
            listeners.append(node.holding({**entries, **node.without("message_format").mapping}))
    return root.holding({**root.mapping, "listeners": legacy.holding(listeners)})


def _drop_stray_preferences(root: Node, report: Report) -> Node:
    providers = root.get("model_providers")
    if providers is None or not providers.items:
        return root
    kept = []
    for provider in providers.items:
        if stray := provider.get("routing_preferences"):
            message = "is ignored here since v0.4.0"
            report.warning(stray.start, stray.path, message, "Move it to routing_preferences at the top level.")
        kept.append(provider.without("routing_preferences") if stray else provider)
    return root.holding({**root.mapping, "model_providers": providers.holding(kept)})


_ROUTERS: Final = ("llm_routing_model", "agent_orchestration_model")


def _share_the_router(root: Node, _: Report) -> Node:
    """One model did both jobs, whichever of the two keys named it."""
    overrides = root.get("overrides")
    named = [node for key in _ROUTERS if overrides is not None and (node := overrides.get(key)) is not None]
    if overrides is None or len(named) != 1:
        return root
    shared = {**overrides.mapping, **dict.fromkeys(_ROUTERS, named[0])}
    return root.holding({**root.mapping, "overrides": overrides.holding(shared)})


_ENDPOINT_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*", re.ASCII)
_ENDPOINT_KEYS: Final = frozenset(Endpoint.model_fields)
_OVERRIDES: Final = frozenset(
    name for name, info in Overrides.model_fields.items() if not (info.json_schema_extra or {})
)


def _drop_unknown(root: Node, report: Report) -> Node:
    """Drop what the old schema let pass: unknown overrides, and anything under an endpoint with an unusual name."""
    entries = dict(root.mapping)
    if overrides := entries.get("overrides"):
        hints = dict.fromkeys(Overrides.model_fields, f"Write 'version: {CURRENT}' to use it.")
        entries["overrides"] = _without_unknown(overrides, _OVERRIDES, hints, report)
    if (endpoints := entries.get("endpoints")) and endpoints.mapping:
        kept = {
            name: endpoint if _ENDPOINT_NAME.fullmatch(name) else _without_unknown(endpoint, _ENDPOINT_KEYS, {}, report)
            for name, endpoint in endpoints.mapping.items()
        }
        entries["endpoints"] = endpoints.holding(kept)
    return root.holding(entries)


def _without_unknown(node: Node, known: Collection[str], hints: Mapping[str, str], report: Report) -> Node:
    unknown = [key for key in node.mapping if key not in known]
    for key in unknown:
        entry = node.mapping[key]
        hint = hints.get(key, "Check its spelling.")
        report.warning(entry.start, entry.path, "is an unknown key in this version and is ignored", hint)
    return node.without(*unknown) if unknown else node


CONVERTERS: Final[dict[Version, Converter]] = {
    (0, 1): _unchanged,
    (0, 2): _unchanged,
    (0, 3): _lift_preferences,
    (0, 4): _current_shape,
}
"""From each older version to the next."""
