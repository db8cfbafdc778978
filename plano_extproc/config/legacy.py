"""The JSON Schema of files, for editors: the current shape, and what older versions allow beside it.

The models here only describe; files of older versions are brought to the current shape before they are checked.
"""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import models_json_schema

from plano_extproc.config.agents import Endpoint
from plano_extproc.config.listeners import Listener
from plano_extproc.config.models import ModelProvider
from plano_extproc.config.routing import Overrides
from plano_extproc.config.schema import SPELLINGS, Config
from plano_extproc.config.short_targets import ShortTarget, schema_of
from plano_extproc.config.values import Address, Duration, Part, Port


class OldListener(Part):
    """One port, in the object form."""

    address: Address = Field("0.0.0.0", description="IP address to listen on.")  # noqa: S104 - the peer's default
    port: Port | None = Field(None, description="Port: 10000 for ingress, 12000 for egress traffic.")
    message_format: Literal["openai"] | None = Field(None, description="Has no effect.")
    timeout: Duration = Field(300.0, description="Longest silence of an exchange.")


class OldListeners(Part):
    """The object form of listeners."""

    ingress_traffic: OldListener | None = Field(None, description="The prompt listener.")
    egress_traffic: OldListener | None = Field(None, description="The model listener.")


class OldPreference(Part):
    """A preference, written under its provider."""

    model_config = ConfigDict(extra="allow")

    name: str = Field("", description="Its name; entries of the same name are one, and one without is ignored.")
    description: str = Field("", description="What requests of this kind are, in words.")


class OldEndpoint(Endpoint):
    """A named upstream; unknown keys were let pass under unusual names."""

    model_config = ConfigDict(extra="allow")


class OldOverrides(Overrides):
    """Single settings; unknown ones were let pass."""

    model_config = ConfigDict(extra="allow")


class OldProvider(ModelProvider):
    """A provider entry with preferences."""

    routing_preferences: tuple[OldPreference, ...] = Field((), description="Deprecated: use the top-level list.")


_OldFile: Final[Any] = create_model(
    "OldFile",
    __base__=Config,
    __doc__="A file of version v0.1 to v0.4.",
    version=(str, Field(description="Version of the file's format.", pattern=r"^v?0\.[1-4](\.\d+)?(-.*)?$")),
    listeners=(tuple[Listener, ...] | OldListeners, Field((), description="Ports that clients call.")),
    model_providers=(tuple[OldProvider, ...], Field((), description="Models that can be called, and where.")),
    llm_providers=(tuple[OldProvider, ...], Field((), description="Older name of model_providers.")),
    endpoints=(dict[str, OldEndpoint], Field({}, description="Named upstreams for prompt targets.")),
    overrides=(OldOverrides, Field(OldOverrides(), description="Single settings.")),
)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of all files that can be loaded."""
    described: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in (Config, _OldFile, ShortTarget)
    ]
    refs, schema = models_json_schema(described, by_alias=True)
    schema_of(schema["$defs"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plano gateway configuration",
        "type": "object",
        "required": ["version"],
        "if": {"properties": {"version": {"enum": list(SPELLINGS)}}},
        "then": refs[Config, "validation"],
        "else": refs[_OldFile, "validation"],
        "$defs": schema["$defs"],
    }
