"""`model_providers` and `model_aliases`: the models that can be called, and where."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from plano_extproc.apis import Api
from plano_extproc.config import catalogue
from plano_extproc.config.catalogue import COUNTED, PROVIDERS, Endpoint, Model, ProviderKind
from plano_extproc.config.protection import CircuitBreakers, HealthCheck, OutlierDetection, Protection
from plano_extproc.config.values import (
    SINCE_V0_5,
    Headers,
    Part,
    PositiveDuration,
    Text,
    Url,
    Whole,
    host_problem,
    refusal,
)

Strategy = Literal["same_model", "same_provider", "different_provider"]
Refusal = Literal["context_window", "content_policy"]


def _model(value: str) -> str:
    prefix, slash, model_id = value.partition("/")
    if not slash:
        raise refusal("does not say whose model it is", "write provider/model, or provider/* for all its models")
    if not prefix.strip() or not model_id.strip():
        raise refusal("lacks the part before or after the slash", "write provider/model, or provider/* for all")
    if "*" in model_id and model_id != "*":
        raise refusal("mixes '*' with other characters", "write provider/* for all models of a provider")
    return value


_RANGE: Final = r"^\d{3}(-\d{3})?$"


def _codes(value: object) -> object:
    """Spell out ranges such as "500-504"; everything else is left for the type to judge."""
    if not isinstance(value, (list, tuple)):
        return value
    codes: list[object] = []
    for item in value:
        first, dash, last = item.partition("-") if isinstance(item, str) else ("", "", "")
        if dash and first.isdecimal() and last.isdecimal() and 100 <= int(first) <= int(last) <= 599:
            codes.extend(range(int(first), int(last) + 1))
        elif dash:
            raise refusal("holds a range that cannot be read", 'write it as "500-504", between 100 and 599')
        else:
            codes.append(item)
    return codes


Codes = Annotated[
    tuple[Annotated[Whole, Field(ge=100, le=599)], ...],
    Field(min_length=1),
    BeforeValidator(_codes),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 1,
            "items": {
                "anyOf": [
                    {"type": "integer", "minimum": 100, "maximum": 599},
                    {"type": "string", "pattern": _RANGE},
                ]
            },
        }
    ),
]
Attempts = Annotated[Whole, Field(ge=1, le=20)]


class OnStatusCodes(Part):
    """What to do after some statuses."""

    codes: Codes = Field(description='Statuses, or ranges such as "500-504".')
    strategy: Strategy = Field("different_provider", description="Where to try next.")
    max_attempts: Attempts = Field(3, description="Tries in all, with this strategy.")


class Backoff(Part):
    """Pauses between tries."""

    apply_to: Literal["same_model", "same_provider", "global"] = Field("same_model", description="Which tries wait.")
    base_ms: Annotated[Whole, Field(ge=1)] = Field(100, description="First pause, in milliseconds.")
    max_ms: Annotated[Whole, Field(ge=1)] = Field(5000, description="Longest pause, in milliseconds.")
    jitter: bool = Field(True, description="Vary the pauses by chance.")


class RetryPolicy(Part):
    """What to do when this provider fails."""

    fallback_models: tuple[Text, ...] = Field((), description="Models to try next, in order.")
    default_strategy: Strategy = Field("different_provider", description="Where to try next.")
    default_max_attempts: Attempts = Field(3, description="Tries in all.")
    on_status_codes: tuple[OnStatusCodes, ...] = Field((), description="Other strategies for some statuses.")
    on_refusals: tuple[Refusal, ...] = Field(
        (), description="Refusals with a status below 429 after which the next model is tried too."
    )
    backoff: Backoff | None = Field(None, description="Pauses between tries.")
    hedge: bool = Field(
        False, description="Ask the next model beside one that is late, instead of leaving it; the first answer counts."
    )


class Timeouts(Part):
    """How long to wait for a provider."""

    connect: PositiveDuration | None = Field(None, description="For a connection.")
    first_byte: PositiveDuration | None = Field(None, description="For the first byte of an answer.")
    first_token: PositiveDuration | None = Field(
        None, description="For the first token of a streamed answer, where another model can be tried."
    )
    idle: PositiveDuration | None = Field(None, description="Between two pieces of an answer.")
    total: PositiveDuration | None = Field(None, description="For all of an answer, with all tries.")


class Aws(Part):
    """Credentials for requests signed with SigV4. What is absent comes from the usual AWS sources."""

    region: Text | None = Field(None, description="AWS region. Default: read from base_url.")
    access_key_id: SecretStr | None = Field(None, description="Access key id.")
    secret_access_key: SecretStr | None = Field(None, description="Secret access key.")
    session_token: SecretStr | None = Field(None, description="Session token of temporary credentials.")


def _http_host(value: str) -> str:
    if host_problem(value):
        raise refusal("is no host", "write host or host:port, without scheme or path")
    return value


def _interface(value: str) -> str:
    kind = catalogue.provider(value)
    if kind is None:
        raise refusal(
            f"'{value}' is no known provider", f"known: {', '.join(sorted(PROVIDERS))}; openai suits most others"
        )
    return kind.id


def _own_model(known: dict[str, Any]) -> str:
    return str(known.get("model", ""))


class ModelProvider(Part):
    """A model, or all models, of one provider."""

    model: Annotated[str, AfterValidator(_model)] = Field(description="`provider/model`, or `provider/*` for all.")
    name: Text = Field(default_factory=_own_model, description="A name for this entry. Default: the model.")
    access_key: SecretStr | None = Field(None, description="The key, usually a variable such as $OPENAI_API_KEY.")
    default: bool = Field(False, description="Serves requests that name no model.")
    base_url: Url | None = Field(
        None, description="Where the API is. A path in it is the API's root, such as /v1; the suffix follows it."
    )
    passthrough_auth: bool = Field(False, description="Send the caller's own credential instead of a key.")
    http_host: Annotated[Text, AfterValidator(_http_host)] | None = Field(
        None, description="Host header and TLS name, when they are not the host of base_url."
    )
    provider_interface: Annotated[str, AfterValidator(_interface)] | None = Field(
        None, description="Which known provider an unknown one behaves like."
    )
    headers: Headers = Field({}, repr=False, description="Headers sent with every request, after authentication.")
    retry_policy: RetryPolicy | None = Field(
        None, description="What to do when this provider fails.", json_schema_extra=SINCE_V0_5
    )
    weight: Annotated[Whole, Field(ge=0)] = Field(
        1, description="Share of requests among providers of the same model.", json_schema_extra=SINCE_V0_5
    )
    priority: Whole = Field(
        0,
        ge=0,
        description="Among providers of the same model, those with the lowest number serve; others when these fail.",
        json_schema_extra=SINCE_V0_5,
    )
    timeouts: Timeouts = Field(Timeouts(), description="How long to wait.", json_schema_extra=SINCE_V0_5)
    circuit_breakers: CircuitBreakers | None = Field(
        None, description="How much to ask of it at once.", json_schema_extra=SINCE_V0_5
    )
    outlier_detection: OutlierDetection | None = Field(
        None, description="When to leave it alone for a while.", json_schema_extra=SINCE_V0_5
    )
    health_check: HealthCheck | None = Field(
        None, description="Whether to ask it if it is there.", json_schema_extra=SINCE_V0_5
    )
    aws: Aws | None = Field(None, description="Sign requests with AWS credentials.", json_schema_extra=SINCE_V0_5)
    prefix_affinity: bool = Field(
        False,
        description="Of several servers behind the host's name, send each conversation to the same one.",
        json_schema_extra=SINCE_V0_5,
    )
    api: Api | None = Field(
        None, description="The dialect to speak. Default: the provider's own.", json_schema_extra=SINCE_V0_5
    )

    @property
    def protection(self) -> Protection | None:
        """What Envoy watches over, if anything."""
        if not (self.circuit_breakers or self.outlier_detection or self.health_check):
            return None
        return Protection(
            circuit_breakers=self.circuit_breakers,
            outlier_detection=self.outlier_detection,
            health_check=self.health_check,
        )

    @property
    def prefix(self) -> str:
        """What stands before the first slash of the model, as written."""
        return self.model.partition("/")[0]

    @property
    def model_id(self) -> str:
        """What stands after the first slash: the provider's own name of the model, or `*`."""
        return self.model.partition("/")[2]

    @property
    def is_wildcard(self) -> bool:
        """Whether the entry stands for all models of its provider."""
        return self.model_id == "*"

    @property
    def known_kind(self) -> ProviderKind | None:
        """The catalogue's entry, or None when neither prefix nor provider_interface names one."""
        by_prefix = catalogue.provider(self.prefix)
        if self.provider_interface and not (by_prefix and by_prefix.before_interface):
            return catalogue.provider(self.provider_interface)
        return by_prefix

    @property
    def kind(self) -> ProviderKind:
        """The catalogue's entry. A loaded configuration always has one."""
        kind = self.known_kind
        assert kind is not None, f"no provider kind for {self.model}"
        return kind

    @property
    def provider(self) -> str:
        """Canonical id of the provider whose behaviour this entry has."""
        return self.kind.id

    @property
    def apis(self) -> tuple[Api, ...]:
        """The dialects that it speaks, best first. Those of a wildcard may depend on the model: `apis_for`."""
        return self.apis_for(self.model_id)

    def apis_for(self, model_id: str) -> tuple[Api, ...]:
        """Return the dialects that serve one of its models, best first."""
        return (self.api,) if self.api else self.kind.apis_for(model_id, base_url=self.base_url)

    def has(self, endpoint: Endpoint, model_id: str) -> bool:
        """Return whether it has an endpoint for one of its models; tokens are counted in the model's own dialect."""
        counted = COUNTED.get(endpoint)
        return endpoint in self.kind.endpoints and (counted is None or counted in self.apis_for(model_id))

    @property
    def uses_client_credential(self) -> bool:
        """Whether the caller's own credential is sent on."""
        return self.passthrough_auth or (self.kind.passthrough_without_key and self.access_key is None)

    @property
    def default_headers(self) -> Mapping[str, str]:
        """What the provider or the service behind base_url wants, unless the user's `headers` say otherwise."""
        service = catalogue.service(self.base_url, self.model_id)
        return {**self.kind.headers, **(service.headers if service else {})}

    @property
    def all_headers(self) -> Mapping[str, str]:
        """Every header that a request to it gets by the configuration."""
        return {**self.default_headers, **self.headers}

    @property
    def listed(self) -> tuple[Model, ...]:
        """The catalogue's models that it offers. None where it is not the provider itself that serves."""
        kind = catalogue.provider(self.prefix)
        if kind is None or not kind.is_home(self.base_url):
            return ()
        models = catalogue.models_of(kind.id)
        return models if self.is_wildcard else tuple(model for model in models if self.model_id in model.ids)

    def path(self, what: Api | Endpoint, model_id: str | None = None) -> str:
        """Return the path and query that serve a dialect, or an endpoint that the provider has.

        They are for one model: by default the entry's own.
        """
        service = catalogue.service(self.base_url, self.model_id)
        own_id = self.model_id if model_id is None else model_id
        return self.kind.path(what, own_id, self.base_url, service.roots if service else None)


class ModelAlias(Part):
    """Another name for a model."""

    target: Text = Field(description="The model meant: provider/model, its bare id, or the name of a provider entry.")
