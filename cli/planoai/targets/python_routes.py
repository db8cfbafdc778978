"""Routes of Flask and FastAPI, read from a file's syntax tree. The file is never imported."""

import ast
import re
from collections.abc import Iterator
from typing import Any, Final

from planoai.targets.docstring import described
from planoai.targets.operation import METHODS, Api, Argument, Operation
from planoai.targets.python_types import MISSING, Classes, Said, annotated, name_of, value_of, with_default

Function = ast.FunctionDef | ast.AsyncFunctionDef


def read(source: str) -> Api | None:
    """Return the routes of a Python file; None where it uses neither Flask nor FastAPI. Raises `SyntaxError`."""
    tree = ast.parse(source)
    imported = {name.partition(".")[0].lower() for node in ast.walk(tree) for name in _imports(node)}
    if not imported & {"flask", "fastapi", "flask_restx", "apiflask"}:
        return None
    return Api(tuple(_File(tree, is_flask="fastapi" not in imported).operations()))


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module


class _File:
    def __init__(self, tree: ast.Module, *, is_flask: bool) -> None:
        self.tree = tree
        self.is_flask = is_flask
        self.classes = Classes.of(tree)
        self.prefixes = _prefixes(tree)

    def operations(self) -> Iterator[Operation]:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
                        yield from self._routes(node, decorator, decorator.func)

    def _routes(self, function: Function, call: ast.Call, called: ast.Attribute) -> Iterator[Operation]:
        words = {one.arg: one.value for one in call.keywords if one.arg}
        verb = called.attr.upper()
        written = call.args[0] if call.args else words.get("path") or words.get("rule")
        path = value_of(written)
        if (verb not in METHODS and called.attr not in ("route", "api_route")) or not isinstance(path, str):
            return
        given = value_of(words.get("methods")) if verb not in METHODS else [verb]
        listed = [str(one).upper() for one in given] if isinstance(given, list | tuple | set) else ["GET"]
        methods = [one for one in METHODS if one in listed]
        path = self.prefixes.get(name_of(called.value), "") + path
        for method in methods:
            name = function.name if len(methods) == 1 else f"{function.name}_{method.lower()}"
            yield self._operation(function, name, method, path or "/", words)

    def _operation(
        self, function: Function, name: str, method: str, path: str, words: dict[str, ast.expr]
    ) -> Operation:
        summary, told = described(function)
        slots = dict(_slots(path))
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", path) if self.is_flask else re.sub(r":path\}", "}", path)
        path = path if path.startswith("/") else f"/{path}"
        found = [*self._signature(function, slots, method)]
        if self.is_flask:
            found += _asked_of_request(function)
        for slot, kind in slots.items():
            if slot not in {one.name for one in found}:
                found.append(Argument(slot, kind, where="path", required=True))
        arguments: dict[str, Argument] = {}
        for one in found:
            text = one.description or told.get(one.name, "")
            arguments.setdefault(one.name, _with(one, text))
        own = value_of(words.get("summary")), value_of(words.get("description"))
        text = next((one for one in (summary, *own) if isinstance(one, str) and one), "")
        return Operation(name, text, method, path, tuple(arguments.values()))

    def _signature(self, function: Function, slots: dict[str, str], method: str) -> Iterator[Argument]:
        listed = [*function.args.posonlyargs, *function.args.args]
        gap = len(listed) - len(function.args.defaults)
        defaults: list[ast.expr | None] = [None] * gap + list(function.args.defaults)
        pairs = [
            *zip(listed, defaults, strict=True),
            *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            if self.is_flask and argument.arg not in slots:
                continue
            said = with_default(annotated(argument.annotation, self.classes), default)
            if argument.arg in slots:
                kind = said.type if argument.annotation else slots[argument.arg]
                yield Argument(argument.arg, kind, said.description, "path", True, enum=said.enum, format=said.format)
            elif said.model and said.marker not in ("Query", "Header", "Cookie", "Depends"):
                yield from self._fields(said.model, "body" if method in _WITH_BODY else "query")
            elif name_of(argument.annotation) not in _OF_THE_FRAMEWORK and said.marker not in _NOT_SAID:
                is_body = said.marker in ("Body", "Form") or said.type == "dict"
                yield _argument(argument.arg, said, "body" if is_body and method in _WITH_BODY else "query")

    def _fields(self, model: str, where: str) -> Iterator[Argument]:
        node = self.classes.models[model]
        for base in node.bases:
            if name_of(base) in self.classes.models and name_of(base) != model:
                yield from self._fields(name_of(base), where)
        for one in node.body:
            if (
                isinstance(one, ast.AnnAssign)
                and isinstance(one.target, ast.Name)
                and name_of(one.annotation) != "ClassVar"
            ):
                said = with_default(annotated(one.annotation, self.classes), one.value)
                yield _argument(one.target.id, said, where)


def _argument(name: str, said: Said, where: str) -> Argument:
    is_required = said.default is MISSING
    default = None if said.default is MISSING else said.default
    if not isinstance(default, str | int | float | bool | list | dict | None):
        default = list(default) if isinstance(default, tuple | set) else None
    return Argument(
        said.alias or name,
        said.type,
        said.description,
        where,
        is_required,
        default or _falsy(default),
        said.enum,
        said.format,
    )


def _falsy(default: Any) -> Any:
    """Keep 0 and false; an empty list or text is what the API takes anyway."""
    return default if isinstance(default, bool | int | float) else None


def _with(argument: Argument, description: str) -> Argument:
    return Argument(
        argument.name,
        argument.type,
        description,
        argument.where,
        argument.required,
        argument.default,
        argument.enum,
        argument.format,
    )


def _prefixes(tree: ast.Module) -> dict[str, str]:
    """Return the prefixes of the file's blueprints and routers, by the variables that hold them."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            words = {one.arg: value_of(one.value) for one in node.value.keywords}
            own = words.get("prefix", words.get("url_prefix"))
            found[node.targets[0].id] = own.rstrip("/") if isinstance(own, str) else ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in ("include_router", "register_blueprint") and node.args:
            words = {one.arg: value_of(one.value) for one in node.keywords}
            outer = words.get("prefix", words.get("url_prefix"))
            name = name_of(node.args[0])
            if isinstance(outer, str) and name in found:
                is_instead = "url_prefix" in words  # Flask's replaces the blueprint's own, FastAPI's goes before it
                found[name] = outer.rstrip("/") + ("" if is_instead else found[name])
    return found


def _slots(path: str) -> Iterator[tuple[str, str]]:
    for converter, name in re.findall(r"<(?:([^:<>]+):)?([^<>]+)>", path):
        yield name, _CONVERTERS.get(converter.partition("(")[0], "str")
    for name in re.findall(r"\{([^{}:]+)(?::path)?\}", path):
        yield name, "str"


def _asked_of_request(function: Function) -> Iterator[Argument]:
    """Return what a Flask function reads: `request.args.get("q", 5, type=int)`, `request.json["name"]` and the like."""
    bodies = {
        node.targets[0].id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and _place(node.value, set()) == "body"
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "getlist"):
            place, key = _place(node.func.value, bodies), value_of(node.args[0]) if node.args else MISSING
            words = {one.arg: one.value for one in node.keywords if one.arg}
            if place and isinstance(key, str):
                written = words.get("default", node.args[1] if len(node.args) > 1 else None)
                default = value_of(written)
                held = None if default is MISSING else default
                kind = name_of(words.get("type")) or (
                    type(held).__name__ if isinstance(held, bool | int | float) else "str"
                )
                kind = kind if kind in ("int", "float", "bool") else "str"
                yield Argument(key, "list" if node.func.attr == "getlist" else kind, where=place, default=held)
        elif isinstance(node, ast.Subscript):
            place, key = _place(node.value, bodies), value_of(node.slice)
            if place and isinstance(key, str):
                yield Argument(key, where=place, required=True)


def _place(node: ast.expr, bodies: set[str]) -> str:
    """Return "query" or "body" where an expression is Flask's mapping of it; "" for any other."""
    match node:
        case ast.Attribute(value=ast.Name(id="request"), attr="args" | "values"):
            return "query"
        case ast.Attribute(value=ast.Name(id="request"), attr="json" | "form"):
            return "body"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="request"), attr="get_json")):
            return "body"
        case ast.BoolOp(values=[first, *_]):
            return _place(first, bodies)
        case ast.Name(id=name) if name in bodies:
            return "body"
        case _:
            return ""


_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_CONVERTERS: Final = {"int": "int", "float": "float"}
_NOT_SAID: Final = frozenset({"Header", "Cookie", "Depends", "Security", "File"})
_OF_THE_FRAMEWORK: Final = frozenset(
    {"Request", "Response", "BackgroundTasks", "WebSocket", "UploadFile", "SecurityScopes", "Session", "HTTPConnection"}
)
