"""The short form of prompt targets: a sentence with names in braces, a URL, and the names to be found in prompts.

It becomes a full target, and an entry of `endpoints` for its host. The sentence becomes the description, whose words
around each name also tell where a prompt says it.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, urlsplit

from pydantic import Field, TypeAdapter, ValidationError

from plano_extproc.config.document import Node
from plano_extproc.config.problem import Report
from plano_extproc.config.prompts import Parameter, PromptTarget, placeholders
from plano_extproc.config.values import Text, Url

KEYS: Final = ("prompt_template", "target_url", "parameter_extraction")


class ShortTarget(PromptTarget):
    """An API that answers a kind of prompt, in short. Only describes: files are spelled out before they are checked."""

    description: str = Field("", description="What it does, in words. Default: the template.")
    prompt_template: str = Field("", description="A typical prompt, with the parameters in braces.")
    target_url: Url | None = Field(None, description="Where the API is; {parameter} is filled in.")
    parameter_extraction: tuple[Text | Parameter, ...] = Field(
        (), description="Parameters to find in prompts. Default: those of the template."
    )


def spell_out(root: Node, report: Report) -> Node:
    """Return the tree with every short target in full."""
    declared = root.get("endpoints") or root.made(None, "endpoints")
    endpoints = dict(declared.mapping)
    taken = {node.string for key in ("agents", "filters") for one in _items(root, key) if (node := one.get("id"))}
    count = len(endpoints)
    entries = dict(root.mapping)
    if targets := root.get("prompt_targets"):
        entries["prompt_targets"] = _spelled_out(targets, endpoints, taken, report)
    if (listeners := root.get("listeners")) and listeners.items:
        entries["listeners"] = listeners.holding(
            [
                one.holding({**one.mapping, "prompt_targets": _spelled_out(targets, endpoints, taken, report)})
                if (targets := one.get("prompt_targets"))
                else one
                for one in listeners.items
            ]
        )
    if len(endpoints) > count:
        entries["endpoints"] = declared.holding(endpoints)
    return root.holding(entries)


def _items(root: Node, key: str) -> Iterable[Node]:
    node = root.get(key)
    return node.items if node else ()


def _spelled_out(targets: Node, endpoints: dict[str, Node], taken: set[str], report: Report) -> Node:
    if not any(key in one.mapping for one in targets.items for key in KEYS):
        return targets
    full = [
        _full(one, endpoints, taken, report) if any(key in one.mapping for key in KEYS) else one
        for one in targets.items
    ]
    return targets.holding(full)


def _full(target: Node, endpoints: dict[str, Node], taken: set[str], report: Report) -> Node:
    template, url, names = (target.get(key) for key in KEYS)
    kept = dict(target.without(*KEYS).mapping)
    if template is None and "description" not in kept:
        report.error(target.place, f"{target.path}.prompt_template", "is required beside target_url")
        kept["description"] = target.made("")
    elif template is not None:
        said = kept.get("description")
        kept["description"] = template.holding(f"{said.value} {template.value}") if said else template
    path = ""
    if url is None and "endpoint" not in kept:
        report.error(target.place, f"{target.path}.target_url", "is required", "Write http://host:port/path.")
    elif url is not None and "endpoint" in kept:
        report.error(url.start, url.path, "stands beside endpoint, and means the same", "Remove one of the two.")
    elif url is not None and (endpoint := _endpoint(url, endpoints, taken, report)):
        kept["endpoint"] = endpoint
        path = endpoint.mapping["path"].string
    if "parameters" not in kept:
        where = names or template or target
        slots = names.items if names else [where.made(name) for name in placeholders(where.string)]
        kept["parameters"] = where.holding([_parameter(slot, path) for slot in slots])
    return target.holding(kept)


def _parameter(slot: Node, path: str) -> Node:
    entries = slot.mapping or {"name": slot}
    name = entries["name"].string if "name" in entries else ""
    words = " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)).lower()
    usual: dict[str, object] = {"description": words or name, "type": "str", "required": True}
    if f"{{{name}}}" in path:
        usual["in_path"] = True
    return slot.holding({**{key: slot.made(value) for key, value in usual.items()}, **entries})


def _endpoint(url: Node, endpoints: dict[str, Node], taken: set[str], report: Report) -> Node | None:
    if url.is_unset:
        return None
    try:
        _URL.validate_python(url.value)
    except ValidationError as invalid:
        told = invalid.errors()[0].get("ctx", {})
        report.error(url.place, url.path, str(told.get("message", "is no URL")), "Write http://host:port/path.")
        return None
    parts = urlsplit(url.string)
    name = _name(parts.netloc, parts.scheme, endpoints, taken)
    if name not in endpoints:
        values = {"endpoint": parts.netloc, "protocol": parts.scheme}
        endpoints[name] = url.holding({key: url.made(value) for key, value in values.items()})
    # Braces are the one thing that a URL writes with escapes and a path of ours does not.
    path = re.sub(r"%7[bBdD]", lambda found: unquote(found[0]), parts.path or "/")
    entries = {"name": name, "path": f"{path}?{parts.query}" if parts.query else path}
    return url.holding({key: url.made(value) for key, value in entries.items()})


def _name(netloc: str, protocol: str, endpoints: dict[str, Node], taken: set[str]) -> str:
    """Return the name of the endpoint for a host: one that is there, or a free one."""
    for name, node in endpoints.items():
        address, spoken = node.get("endpoint"), node.get("protocol")
        if address and address.string == netloc and (spoken.string if spoken else "http") == protocol:
            return name
    plain = re.sub(r"\W+", "_", netloc, flags=re.ASCII).strip("_")
    base = plain if plain[:1].isalpha() else f"host_{plain}"
    name, number = base, 1
    while name in endpoints or name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


def schema_of(defs: dict[str, object]) -> None:
    """Let the JSON Schema's definitions accept either form where a target is wanted."""
    full = defs[PromptTarget.__name__]
    defs[PromptTarget.__name__] = {"anyOf": [full, {"$ref": f"#/$defs/{ShortTarget.__name__}"}]}


_URL: Final[TypeAdapter[str]] = TypeAdapter(Url)
