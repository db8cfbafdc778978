"""Annotations and defaults of Python code, read from its syntax tree: nothing of the file is run."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

_TYPES: Final[dict[str, tuple[str, str]]] = {
    "int": ("int", ""),
    "float": ("float", ""),
    "Decimal": ("float", ""),
    "bool": ("bool", ""),
    "str": ("str", ""),
    "bytes": ("str", ""),
    "list": ("list", ""),
    "List": ("list", ""),
    "Sequence": ("list", ""),
    "tuple": ("list", ""),
    "Tuple": ("list", ""),
    "set": ("list", ""),
    "Set": ("list", ""),
    "frozenset": ("list", ""),
    "dict": ("dict", ""),
    "Dict": ("dict", ""),
    "Mapping": ("dict", ""),
    "date": ("str", "YYYY-MM-DD"),
    "datetime": ("str", "ISO 8601 date and time"),
    "time": ("str", "time"),
    "UUID": ("str", "uuid"),
    "EmailStr": ("str", "email"),
    "HttpUrl": ("str", "url"),
    "AnyUrl": ("str", "url"),
}

MISSING: Final = object()
"""No default."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an annotation and a default say of a parameter.

    `marker` is FastAPI's word for where it comes from, `members` are the names of an enum's values.
    """

    type: str = "str"
    format: str = ""
    enum: tuple[Any, ...] = ()
    members: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    default: Any = MISSING
    description: str = ""
    marker: str = ""
    is_optional: bool = False
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a file that annotations may name: pydantic models, and the values of enums."""

    models: Mapping[str, ast.ClassDef] = field(default_factory=dict)
    enums: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: ast.Module) -> "Classes":
        """Collect them. A class is a model where it comes from BaseModel, or from another model of the file."""
        models: dict[str, ast.ClassDef] = {}
        enums: dict[str, dict[str, Any]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = {name_of(base) for base in node.bases}
                if bases & {"BaseModel", *models}:
                    models[node.name] = node
                elif bases & {"Enum", "StrEnum", "IntEnum"}:
                    members = (
                        (name_of(one.targets[0]), value_of(one.value))
                        for one in node.body
                        if isinstance(one, ast.Assign)
                    )
                    enums[node.name] = {name: one for name, one in members if isinstance(one, str | int | float | bool)}
        return cls(models, enums)


def name_of(node: ast.expr | None) -> str:
    """Return the last part of a name: `datetime.date` is `date`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Constant(value=str(text)):
            return text.rpartition(".")[2]
        case _:
            return ""


def value_of(node: ast.expr | None) -> Any:
    """Return a literal's value; `MISSING` for everything that would have to be run."""
    if node is None:
        return MISSING
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return MISSING


def annotated(node: ast.expr | None, classes: Classes) -> Said:
    """Return what an annotation says."""
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either([left, right], classes)
        case ast.Subscript(value=value, slice=inner):
            return _subscripted(name_of(value), inner, classes)
        case ast.Constant(value=str(text)):
            try:
                return annotated(ast.parse(text, mode="eval").body, classes)
            except SyntaxError:
                return Said()
        case _:
            name = name_of(node)
            if name in classes.models:
                return Said("dict", model=name)
            if name in classes.enums:
                members = classes.enums[name]
                values = tuple(members.values())
                return Said(_type_of(values), enum=values, members=members)
            kind, form = _TYPES.get(name, ("str", ""))
            return Said(kind, form)


def _subscripted(outer: str, inner: ast.expr, classes: Classes) -> Said:
    parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Optional":
        return replace(annotated(parts[0], classes), is_optional=True)
    if outer == "Union":
        return _either(parts, classes)
    if outer == "Literal":
        values = tuple(value for value in map(value_of, parts) if isinstance(value, str | int | float | bool))
        return Said(_type_of(values), enum=values)
    if outer == "Annotated":
        said = annotated(parts[0], classes)
        for extra in parts[1:]:
            if isinstance(extra, ast.Call):
                said = with_default(said, extra, is_annotation=True)
        return said
    kind, form = _TYPES.get(outer, ("str", ""))
    if kind != "list":
        return Said(kind, form)
    item = annotated(parts[0], classes)
    return Said(f"list[{item.type}]" if "[" not in item.type else "list", enum=item.enum)


def _either(parts: list[ast.expr], classes: Classes) -> Said:
    said = [annotated(one, classes) for one in parts if not (isinstance(one, ast.Constant) and one.value is None)]
    is_optional = len(said) < len(parts) or any(one.is_optional for one in said)
    return replace(said[0], is_optional=is_optional) if said else Said(is_optional=True)


def with_default(said: Said, node: ast.expr | None, *, is_annotation: bool = False) -> Said:
    """Add what a default says, also one of FastAPI's or pydantic's calls, such as `Query(5, description="…")`."""
    if not isinstance(node, ast.Call):
        member = said.members.get(name_of(node), MISSING) if isinstance(node, ast.Attribute) else value_of(node)
        return said if node is None else replace(said, default=_or_none(member))
    words = {one.arg: value_of(one.value) for one in node.keywords if one.arg}
    marker = name_of(node.func)
    first = value_of(node.args[0]) if node.args and not is_annotation else MISSING
    default = words.get("default", None if "default_factory" in words else first)
    if marker not in _MARKERS:
        return replace(said, default=None)
    text = words.get("description") or words.get("title")
    return replace(
        said,
        default=said.default if default in (MISSING, ...) else default,
        description=text if isinstance(text, str) else said.description,
        alias=words["alias"] if isinstance(words.get("alias"), str) else said.alias,
        marker=said.marker if marker == "Field" else marker,
    )


def _or_none(value: Any) -> Any:
    return None if value is MISSING else value  # a default that would have to be run: optional, its value unknown


def _type_of(values: tuple[Any, ...]) -> str:
    kinds = {type(one).__name__ for one in values}
    return kinds.pop() if len(kinds) == 1 else "str"


_MARKERS: Final = frozenset(
    {"Query", "Path", "Body", "Form", "Header", "Cookie", "Depends", "Security", "File", "Field"}
)
