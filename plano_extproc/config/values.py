"""The kinds of values that configuration is made of, and the base of all its models."""

import ipaddress
import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

SINCE_V0_5: Final[dict[str, Any]] = {"x-since": "v0.5.0"}
"""Marks a key that files of older versions do not have."""


class Part(BaseModel):
    """A mapping in the file: its keys are known, its values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


def refusal(message: str, hint: str = "") -> PydanticCustomError:
    """Return the error that a validator raises: what is wrong, and what to do. It must not quote a secret."""
    return PydanticCustomError("refused", "{message}", {"message": message, "hint": hint})


_UNITS: Final[dict[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_LONGEST: Final = 10 * 365 * 86400.0


def _seconds(value: object) -> float:
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        seconds = sum(float(n) * _UNITS[unit] for n, unit in _DURATION_PART.findall(value))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise refusal("is no duration", "write a number with a unit, such as 250ms, 30s or 5m")
    if not 0 <= seconds <= _LONGEST:
        raise refusal("is out of range", "a duration lies between 0s and 3650d")
    return seconds


def _above_zero(seconds: float) -> float:
    if seconds == 0:
        raise refusal("must be longer than 0s", "write a number with a unit, such as 250ms, 30s or 5m")
    return seconds


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "number")
    return value


_DURATION_SCHEMA: Final = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?(ms|s|m|h|d))+\s*$|\$"},
            {"type": "number", "minimum": 0},
        ]
    }
)

Duration = Annotated[float, BeforeValidator(_seconds), _DURATION_SCHEMA]
"""Seconds, read from `250ms`, `30s`, `1h30m` or a number of seconds."""

PositiveDuration = Annotated[float, BeforeValidator(_seconds), AfterValidator(_above_zero), _DURATION_SCHEMA]

Whole = Annotated[int, BeforeValidator(_no_bool)]
Number = Annotated[float, BeforeValidator(_no_bool)]
Text = Annotated[str, Field(min_length=1)]


def _scalar(value: object) -> object:
    if isinstance(value, (str, int, float, bool)):
        return value
    raise refusal("should be text, a number, true or false")


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "integer", "number", "boolean"]})]


def listen_address(value: str) -> str:
    """Return the IP address meant, or raise a refusal."""
    bare = value.removeprefix("[").removesuffix("]")
    if bare == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        raise refusal("is no IP address", "write 127.0.0.1, 0.0.0.0 or the address of an interface") from None


Address = Annotated[str, AfterValidator(listen_address)]
"""An IP address to listen on."""

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_RESERVED: Final[frozenset[str]] = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "keep-alive"}
)


def _header_name(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        raise refusal("is no header name", "use letters, digits and dashes only")
    return value.lower()


def _sent_header_name(value: str) -> str:
    name = _header_name(value)
    if name in _RESERVED or name.startswith(("x-plano-", "x-arch-", "x-envoy-")):
        hint = "use http_host instead" if name == "host" else "remove it; the gateway sets it"
        raise refusal(f"header '{name}' cannot be set here", hint)
    return name


def _header_value(value: str) -> str:
    if any((ord(char) < 32 and char != "\t") or ord(char) == 127 for char in value):
        raise refusal("holds a line break or another control character", "write the value on one line")
    return value


HeaderName = Annotated[str, AfterValidator(_header_name)]
"""The name of a header to read, lower case."""

Headers = dict[Annotated[str, AfterValidator(_sent_header_name)], Annotated[str, AfterValidator(_header_value)]]
"""Headers to send: lower-case names. Values may be credentials, so fields of this type have `repr=False`."""


def host_problem(host: str) -> str | None:
    """Return what is wrong with a host name or IP address, if anything is."""
    if not host:
        return "has no host"
    if not re.fullmatch(r"[A-Za-z0-9._\-:%]+", host):
        return "has a host with characters that no host name has"
    return None


def _url(value: str) -> str:
    if "$" in value:
        raise refusal("still holds a '$'", "write $NAME or ${NAME} for a variable")
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        raise refusal("holds white space", "write the URL without any")
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        raise refusal("has a port or a host that cannot be read", "write https://host:port/path") from None
    if url.scheme not in ("http", "https"):
        raise refusal("needs a scheme", "begin it with https:// or http://")
    if "@" in url.netloc:
        raise refusal("holds a user name or a password", "put credentials into access_key or headers")
    if wrong := host_problem(url.hostname or ""):
        raise refusal(wrong, "write https://host:port/path")
    if port == 0 or url.netloc.endswith(":"):
        raise refusal("has no usable port", "write a port between 1 and 65535, or leave it out")
    if url.fragment:
        raise refusal("holds a '#' part", "remove it; it is never sent to a server")
    return value


Url = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": r"^https?://|\$"})]
"""An absolute http or https URL without credentials."""


def _url_or_file(value: str) -> str:
    if not value.startswith("file:"):
        return _url(value)
    if not re.fullmatch(r"file:///[^?#]+", value):
        raise refusal("is no URL of a file", "write file:///absolute/path")
    return value


UrlOrFile = Annotated[
    str, AfterValidator(_url_or_file), WithJsonSchema({"type": "string", "pattern": r"^https?://|^file:///|\$"})
]
"""An absolute http, https or file URL without credentials."""


def split_host(value: str, default_port: int) -> tuple[str, int]:
    """Split `host`, `host:port`, `[v6]` or `[v6]:port`; raise ValueError for anything else."""
    host, bracket, rest = value.removeprefix("[").partition("]") if value.startswith("[") else ("", "", "")
    if not bracket:
        host, colon, port = value.partition(":")
        rest = colon + port
    if (rest and not rest.startswith(":")) or (wrong := host_problem(host)):
        raise ValueError(wrong if not rest or rest.startswith(":") else "cannot be read")
    if not rest:
        return host, default_port
    if not re.fullmatch(r":\d{1,5}", rest) or not 1 <= int(rest[1:]) <= 65535:
        raise ValueError("has no usable port")
    return host, int(rest[1:])


def _host_port(value: str) -> str:
    if "://" in value:
        raise refusal("is a URL", "write host or host:port here, and protocol: https beside it")
    try:
        split_host(value, 80)
    except ValueError as error:
        raise refusal(str(error), "write host or host:port, with a port between 1 and 65535") from None
    return value


HostPort = Annotated[str, AfterValidator(_host_port)]

Port = Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=65535)]
