"""Templates and the words that they write.

Every `{{ expression }}` of a template becomes JSON, which is YAML: whatever text a user chose stays one value and
cannot break out of its place. So templates never quote and never need a filter to be safe.
"""

import functools
import hashlib
import json
import re
from typing import Any
from urllib.parse import quote

import jinja2

from plano_extproc import resources
from plano_extproc.render import callers
from plano_extproc.render.topology import address, is_ip

# What YAML forbids inside a double-quoted scalar, or would fold as a line break.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


class Raw(str):
    """Text that stands in a comment."""

    __slots__ = ()


def raw(text: str) -> Raw:
    """Return text for a comment: it is not quoted, and cannot leave its line."""
    return Raw("".join(c for c in text if c.isprintable()))


def scalar(value: object) -> str:
    """Return `value` as JSON that YAML reads the same, and `Raw` text as it is."""
    if isinstance(value, Raw):
        return value
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def duration(seconds: float) -> str:
    """Return a time in protobuf's spelling, such as `0.25s`."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def literal(text: str) -> str:
    """Return `text` as Envoy's substitution format writes it: a percent sign would begin a command."""
    return text.replace("%", "%%")


def metadata_value(text: str) -> str:
    """Return a name as the value of a gRPC header: ASCII as it is, the rest and `%` percent-encoded."""
    return quote(text, safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")


def slug(name: str) -> str:
    """Return a name for files, statistics and resources: equal for equal names, different for different ones."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:40]
    if plain == name:
        return plain
    return f"{plain}_{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"


@functools.cache
def environment() -> jinja2.Environment:
    """Return the environment in which the templates of `envoy/` are rendered."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resources.path("envoy")),
        undefined=jinja2.StrictUndefined,
        finalize=scalar,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701  YAML, where HTML's escapes would be text; `scalar` is the escape here
    )
    words = (address, callers.any_origin, callers.origin, duration, is_ip, literal, metadata_value, raw, slug)
    env.filters.update({word.__name__: word for word in words})
    return env


def text(template: str, **values: Any) -> str:
    """Render the template `envoy/<template>.yaml.j2`."""
    return environment().get_template(f"{template}.yaml.j2").render(**values)
