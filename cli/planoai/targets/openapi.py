"""OpenAPI 3 documents, in JSON or YAML. See https://spec.openapis.org/oas/latest.html."""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from planoai.targets.operation import METHODS, Api, Argument, Operation, first_paragraph

_DEPTH: Final = 30
"""References that lead to references; a circle is cut here."""


class NotUsable(Exception):
    """A document that cannot be read; the message says why."""


def is_openapi(document: Any) -> bool:
    """Whether a document says that it describes an API."""
    return isinstance(document, dict) and ("openapi" in document or "swagger" in document)


def read(document: Any) -> Api:
    """Return the operations of a document. Raises `NotUsable`."""
    if not is_openapi(document):
        raise NotUsable("is no OpenAPI document: it has no key 'openapi'")
    if "swagger" in document or not str(document["openapi"]).startswith("3"):
        version = document.get("swagger") or document["openapi"]
        raise NotUsable(f"is written for OpenAPI {version}; only versions 3.x are read")
    return _Document(document).api()


class _Document:
    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.notes: list[str] = []

    def api(self) -> Api:
        operations = tuple(self._operations())
        address, protocol, prefix = self._server()
        return Api(operations, address, protocol, prefix, tuple(self.notes))

    def _server(self) -> tuple[str, str, str]:
        servers = self.root.get("servers")
        first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
        url = str(first.get("url", ""))
        for name, variable in (first.get("variables") or {}).items():
            url = url.replace(f"{{{name}}}", str(variable.get("default", "") if isinstance(variable, dict) else ""))
        parts = urlsplit(url)
        return parts.netloc, parts.scheme if parts.scheme in ("http", "https") else "http", parts.path.rstrip("/")

    def _operations(self) -> Iterator[Operation]:
        paths = self.root.get("paths")
        for path, held in (paths if isinstance(paths, dict) else {}).items():
            item = self._resolved(held)
            for method in METHODS:
                operation = item.get(method.lower())
                if isinstance(operation, dict):
                    yield self._operation(str(path), method, item, operation)

    def _operation(self, path: str, method: str, item: dict[str, Any], operation: dict[str, Any]) -> Operation:
        where = f"{method} {path}"
        name = str(operation.get("operationId") or f"{method.lower()}_{re.sub(r'[^A-Za-z0-9]+', '_', path).strip('_')}")
        said = [str(operation.get(key) or "") for key in ("summary", "description")]
        texts = list(dict.fromkeys(first_paragraph(one).rstrip(".") for one in said if one.strip()))
        found: dict[str, Argument] = {}
        shared, own = item.get("parameters") or [], operation.get("parameters") or []
        for written in (*shared, *own):
            argument = self._argument(self._resolved(written), where)
            if argument is not None:
                found[argument.name] = argument
        for argument in self._body(operation, where):
            found.setdefault(argument.name, argument)
        for slot in re.findall(r"\{([^{}]+)\}", path):
            found.setdefault(slot, Argument(slot, where="path", required=True))
        return Operation(name, ". ".join(texts), method, path, tuple(found.values()))

    def _argument(self, parameter: dict[str, Any], where: str) -> Argument | None:
        name, place = str(parameter.get("name", "")), parameter.get("in")
        if place not in ("path", "query"):
            if parameter.get("required"):
                self.notes.append(f"{where}: {place} parameter '{name}' is left out; set it under http_headers")
            return None
        content: Any = next(iter((parameter.get("content") or {}).values()), {})
        schema = parameter.get("schema") or (content.get("schema") if isinstance(content, dict) else None)
        is_required = bool(parameter.get("required")) or place == "path"
        return self._described(name, schema, place, parameter.get("description"), required=is_required)

    def _body(self, operation: dict[str, Any], where: str) -> Iterator[Argument]:
        body = self._resolved(operation.get("requestBody"))
        content = body.get("content")
        if not isinstance(content, dict) or not content:
            return
        media = next((held for kind, held in content.items() if re.match(r"application/([\w.+-]+\+)?json", kind)), None)
        if not isinstance(media, dict):
            self.notes.append(f"{where}: its body is no JSON and is left out")
            return
        schema = self._merged(media.get("schema"))
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            self.notes.append(f"{where}: its body is no object with named properties and is left out")
            return
        required = schema.get("required") or []
        for name, held in properties.items():
            if not self._merged(held).get("readOnly"):
                yield self._described(str(name), held, "body", None, required=name in required)

    def _described(self, name: str, written: Any, where: str, description: Any, *, required: bool) -> Argument:
        schema = self._merged(written)
        items = self._merged(schema.get("items"))
        kind = _TYPES.get(str(schema.get("type")), "dict" if "properties" in schema else "str")
        told = description or schema.get("description") or schema.get("title") or ""
        default = schema.get("default")
        choices = schema.get("enum") or ([schema["const"]] if "const" in schema else items.get("enum")) or []
        return Argument(
            name=name,
            type=f"list[{_TYPES.get(str(items.get('type')), 'str')}]" if kind == "list" else kind,
            description=first_paragraph(str(told)),
            where=where,
            required=required and default is None,
            default=default,
            enum=tuple(one for one in choices if isinstance(one, str | int | float | bool)),
            format=_FORMATS.get(str(schema.get("format")), str(schema.get("format", ""))) if kind == "str" else "",
        )

    def _merged(self, written: Any, depth: int = 0) -> dict[str, Any]:
        """Return a schema without references, with `allOf` joined, and the first choice that is not null."""
        schema = self._resolved(written)
        if depth > _DEPTH:
            return {}
        for key in ("anyOf", "oneOf"):
            choices = [self._merged(one, depth + 1) for one in schema.get(key) or []]
            first = next((one for one in choices if one.get("type") != "null"), {})
            schema = {**first, **{name: held for name, held in schema.items() if name != key}}
        merged: dict[str, Any] = {}
        for part in schema.get("allOf") or []:
            one = self._merged(part, depth + 1)
            merged = {
                **merged,
                **one,
                "properties": {**merged.get("properties", {}), **one.get("properties", {})},
                "required": [*merged.get("required", []), *one.get("required", [])],
            }
        if merged:
            own = {**merged.get("properties", {}), **schema.get("properties", {})}
            needed = [*merged["required"], *(schema.get("required") or [])]
            schema = {**merged, **schema, "properties": own, "required": needed}
            if not own:
                del schema["properties"]
        kinds = schema.get("type")
        if isinstance(kinds, list):
            schema = {**schema, "type": next((one for one in kinds if one != "null"), "string")}
        return schema

    def _resolved(self, value: Any) -> dict[str, Any]:
        """Follow references within the document."""
        for _ in range(_DEPTH):
            if not isinstance(value, dict):
                return {}
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return value
            value = self._at(reference)
        raise NotUsable("has references that lead in a circle")

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise NotUsable(f"refers to '{reference}', which is in another document; join them first")
        held: Any = self.root
        for key in reference[2:].split("/"):
            key = key.replace("~1", "/").replace("~0", "~")
            if not isinstance(held, dict) or key not in held:
                raise NotUsable(f"refers to '{reference}', which it does not hold")
            held = held[key]
        return held


_TYPES: Final = {
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "string": "str",
    "array": "list",
    "object": "dict",
}
_FORMATS: Final = {
    "date": "YYYY-MM-DD",
    "date-time": "ISO 8601 date and time",
    "password": "",
    "binary": "",
    "byte": "",
}
