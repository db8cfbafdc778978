"""A document's tree to a `Config`: what the user left out is filled in, then every value is checked by its type."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from plano_extproc.config.document import Node, child_path, follow, plain, prune
from plano_extproc.config.listeners import DEFAULT_NAME
from plano_extproc.config.migrate import CURRENT_VERSION, Version
from plano_extproc.config.problem import START, Report
from plano_extproc.config.schema import Config
from plano_extproc.config.values import listen_address
from plano_extproc.config.words import place_and_path, words

_ROUNDS = 8
_LOOPBACK = "127.0.0.1"


def complete(root: Node, version: Version, environ: Mapping[str, str], report: Report) -> Node:
    """Give every listener an address, and add a model listener where none is declared."""
    listeners = root.get("listeners") or root.made(None, "listeners").holding([])
    if not isinstance(listeners.value, list):
        return root
    address = _default_address(version, environ, report)
    items = [
        item.holding({**item.mapping, "address": item.made(address)}) if _lacks_address(item) else item
        for item in listeners.items
    ]
    types = {node.string for item in items if (node := item.get("type"))}
    if "model" not in types:
        items.append(_added(listeners, items))
    return root.holding({**root.mapping, "listeners": listeners.holding(items)})


def _default_address(version: Version, environ: Mapping[str, str], report: Report) -> str:
    usual = _LOOPBACK if version >= CURRENT_VERSION else "0.0.0.0"  # noqa: S104 - as files of old versions expect
    wanted = environ.get("PLANO_LISTEN_ADDRESS")
    if not wanted:
        return usual
    try:
        return listen_address(wanted)
    except PydanticCustomError:
        report.error(START, "", "the variable PLANO_LISTEN_ADDRESS holds no IP address", "Set it to one, or unset it.")
        return usual


def _lacks_address(item: Node) -> bool:
    return isinstance(item.value, dict) and "address" not in item.mapping


def _added(listeners: Node, items: list[Node]) -> Node:
    names = {node.string for item in items if (node := item.get("name"))}
    name = DEFAULT_NAME
    while name in names:
        name += "_"
    path = child_path(listeners.path, len(items))
    values: dict[str, object] = {"name": name, "type": "model", "address": _LOOPBACK, "port": 12000}
    entries = {key: listeners.made(value, child_path(path, key)) for key, value in values.items()}
    return listeners.made(None, path).holding(entries)


def report_empty(root: Node, report: Report) -> None:
    """Report keys without a value: nobody can tell what was meant."""
    if root.value is None:
        report.error(root.start, root.path, "has no value", "Give it one, or remove the key.")
    for node in (*root.mapping.values(), *root.items):
        report_empty(node, report)


@dataclass(frozen=True, slots=True)
class Built:
    """A configuration and the tree that it was made from. `config` is None where too little was right.

    `lost` are the paths of what was left out because it is wrong, `lost_entries` whether whole entries are among it.
    """

    config: Config | None
    root: Node
    lost: frozenset[str] = frozenset()
    lost_entries: bool = False


def build(root: Node, report: Report) -> Built:
    """Check every value by its type, and report every error.

    What is wrong is then left out, so that later checks can say at once what else is wrong.
    """
    lost: set[str] = set()
    lost_entries = False
    for attempt in range(_ROUNDS):
        try:
            return Built(Config.model_validate(plain(root)), root, frozenset(lost), lost_entries)
        except ValidationError as invalid:
            dropped: list[Node] = []
            for error in invalid.errors(include_url=False, include_input=False):
                node, lacking, parent = follow(root, error["loc"])
                dropped.append(node)
                lost_entries |= isinstance(node.value, dict) or (parent is not None and bool(parent.items))
                if attempt == 0 and not (node.is_unset or node.value is None) and (said := words(error, node)):
                    report.error(*place_and_path(error, node, lacking), *said)
            if any(node is root for node in dropped):
                break
            lost |= {node.path for node in dropped}
            root = prune(root, dropped)
    return Built(None, root)
