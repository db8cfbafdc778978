"""`prompt_targets`: APIs that a prompt may call."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from plano_extproc.config.values import Headers, Part, Scalar, Text, refusal


class Parameter(Part):
    """One argument of the API, found in the prompt."""

    name: Text = Field(description="Its name in the query, the body or the path.")
    description: str = Field(description="What it means, in words.")
    type: Text = Field(description="int, str, float, bool, list, set, dict or tuple.")
    required: bool = Field(False, description="Ask back for it when the prompt does not say it.")
    default: Scalar | None = Field(None, description="Value when the prompt does not say it.")
    enum: tuple[Scalar, ...] = Field((), description="The only values allowed.")
    in_path: bool = Field(False, description="Stands in the path, as {name}.")
    format: str | None = Field(None, description="Its format in words, such as a date format.")


def _path(path: str) -> str:
    if not path.startswith("/"):
        raise refusal("should begin with '/'", "write the path only; the host is in `endpoints`")
    return path


class TargetEndpoint(Part):
    """Where the API is."""

    name: Text = Field(description="Key of an entry of `endpoints`, or id of an agent or filter.")
    path: Annotated[Text, AfterValidator(_path)] = Field(description="Path; {parameter} is filled in.")
    http_method: Literal["GET", "POST"] = Field("GET", description="Method of the call.")
    http_headers: Headers = Field({}, repr=False, description="Headers sent with the call.")


class PromptTarget(Part):
    """An API that answers a kind of prompt."""

    name: Text = Field(description="Its name, once in the file.")
    description: str = Field(description="What it does, in words: prompts are matched against it.")
    default: bool = Field(False, description="Takes prompts that match no other target.")
    auto_llm_dispatch_on_response: bool = Field(True, description="Let a model put the API's answer into words.")
    parameters: tuple[Parameter, ...] = Field((), description="Arguments of the API.")
    endpoint: TargetEndpoint | None = Field(None, description="Where the API is.")
    system_prompt: str | None = Field(None, description="System prompt instead of the file's own.")
