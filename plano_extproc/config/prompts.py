"""`prompt_targets`: APIs that a prompt may call."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from plano_extproc.config.values import SINCE_V0_5, Headers, Part, PositiveDuration, Scalar, Text, refusal

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

IN_BODY: Final[frozenset[str]] = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose parameters travel in a JSON body."""

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


def _plain(value: object) -> object:
    if not isinstance(value, (str, int, float, bool, list, dict)):
        raise refusal("should be text, a number, true, false, a list or a mapping")
    return value


_PLAIN_TYPES: Final = ["string", "integer", "number", "boolean", "array", "object"]

Plain = Annotated[Any, BeforeValidator(_plain), WithJsonSchema({"type": _PLAIN_TYPES})]


class Parameter(Part):
    """One argument of the API, found in the prompt."""

    name: Text = Field(description="Its name in the query, the body or the path.")
    description: str = Field("", description="What it means, in words.")
    type: Text = Field("str", description="int, str, float, bool, list, set, dict or tuple; list[int] says of what.")
    required: bool = Field(False, description="Ask back for it when the prompt does not say it.")
    default: Plain | None = Field(None, description="Value when the prompt does not say it.")
    enum: tuple[Scalar, ...] = Field((), description="The only values allowed.")
    in_path: bool = Field(False, description="Stands in the path, as {name}.")
    in_query: bool = Field(False, description="Goes into the query, whatever the method.", json_schema_extra=SINCE_V0_5)
    format: str | None = Field(None, description="Its format in words, such as a date format.")


def _path(path: str) -> str:
    if not path.startswith("/"):
        raise refusal("should begin with '/'", "write the path only; the host is in `endpoints`")
    return path


class TargetEndpoint(Part):
    """Where the API is."""

    name: Text = Field(description="Key of an entry of `endpoints`, or id of an agent or filter.")
    path: Annotated[Text, AfterValidator(_path)] = Field(description="Path; {parameter} is filled in.")
    http_method: Method = Field("GET", description="Method of the call.")
    http_headers: Headers = Field({}, repr=False, description="Headers sent with the call.")
    timeout: PositiveDuration = Field(
        30.0, description="Longest wait for the API's answer.", json_schema_extra=SINCE_V0_5
    )


class PromptTarget(Part):
    """An API that answers a kind of prompt."""

    name: Text = Field(description="Its name, once in the file.")
    description: str = Field(description="What it does, in words: prompts are matched against it.")
    default: bool = Field(False, description="Takes prompts that match no other target.")
    auto_llm_dispatch_on_response: bool = Field(True, description="Let a model put the API's answer into words.")
    parameters: tuple[Parameter, ...] = Field((), description="Arguments of the API.")
    endpoint: TargetEndpoint | None = Field(None, description="Where the API is.")
    system_prompt: str | None = Field(None, description="System prompt instead of the file's own.")

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The parameters that stand in the path, in order."""
        return placeholders(self.endpoint.path) if self.endpoint else ()

    def needs(self, parameter: Parameter) -> bool:
        """Whether a call cannot be made without a value of the caller's for `parameter`."""
        return parameter.default is None and (parameter.required or parameter.name in self.placeholders)


def placeholders(text: str) -> tuple[str, ...]:
    """Return the names in braces, in order."""
    return tuple(_PLACEHOLDER.findall(text))
