"""Provider entries: known, reachable, payable, and told apart."""

from collections.abc import Iterator
from typing import Final

from plano_extproc.config.catalogue import PROVIDERS, provider
from plano_extproc.config.checks.finding import Check, Finding, Subject, nearest
from plano_extproc.config.models import ModelProvider


def _entries(subject: Subject) -> Iterator[tuple[int, ModelProvider]]:
    return iter(enumerate(subject.config.model_providers))


def kinds_are_known(subject: Subject) -> Iterator[Finding]:
    """Find unknown prefixes that do not say what they behave like, and where they are."""
    for index, entry in _entries(subject):
        if provider(entry.prefix) is not None:
            continue
        lacking = [key for key in ("provider_interface", "base_url") if getattr(entry, key) is None]
        if lacking:
            yield Finding(
                ("model_providers", index),
                f"'{entry.prefix}' is no known provider, and the entry lacks {' and '.join(lacking)}",
                f"{nearest(entry.prefix, PROVIDERS)} For one of your own, set provider_interface and base_url.",
            )


def interface_is_for_unknown_prefixes(subject: Subject) -> Iterator[Finding]:
    """Find interfaces of providers that have their own."""
    for index, entry in _entries(subject):
        kind = provider(entry.prefix)
        if kind is not None and not kind.newcomer and entry.provider_interface is not None:
            yield Finding(
                ("model_providers", index, "provider_interface"),
                f"'{entry.prefix}' is a known provider, whose interface is its own",
                "Remove provider_interface, or begin the model with a prefix of your own.",
            )


def base_urls_are_given(subject: Subject) -> Iterator[Finding]:
    """Find providers without an address."""
    for index, entry in _entries(subject):
        kind = provider(entry.prefix)
        if kind is not None and kind.base_url is None and entry.base_url is None:
            message = f"base_url is required for '{entry.prefix}'"
            yield Finding(("model_providers", index, "base_url"), message, "Say where it is, as https://host[/path].")


def names_are_unique(subject: Subject) -> Iterator[Finding]:
    """Find repeated names and entries. The same model may stand several times, as a pool."""
    names: set[str] = set()
    seen: set[tuple[object, ...]] = set()
    for index, entry in _entries(subject):
        whole = _identity(entry)
        if "name" in entry.model_fields_set and entry.name in names:
            loc = ("model_providers", index, "name")
            yield Finding(loc, f"provider name '{entry.name}' is taken", "Give each entry its own name.")
        elif whole in seen:
            message = f"repeats an entry above: '{entry.model}'"
            yield Finding(("model_providers", index, "model"), message, "Remove it, or change its key or base_url.")
        names.add(entry.name)
        seen.add(whole)


def _identity(entry: ModelProvider) -> tuple[object, ...]:
    """Return what tells entries of one model apart."""
    headers = tuple(sorted(entry.headers.items()))
    return (entry.name, entry.model, entry.access_key, entry.base_url, entry.http_host, headers, entry.api, entry.aws)


def wildcards_are_unique(subject: Subject) -> Iterator[Finding]:
    """Find repeated wildcards: a prefix must lead to one entry."""
    seen: set[str] = set()
    for index, entry in _entries(subject):
        if not entry.is_wildcard:
            continue
        kind = provider(entry.prefix)
        prefix = kind.id if kind else entry.prefix
        if prefix in seen:
            message = f"'{prefix}/*' stands here again"
            yield Finding(("model_providers", index, "model"), message, "Keep one wildcard for each provider.")
        seen.add(prefix)


def one_default(subject: Subject) -> Iterator[Finding]:
    """Find defaults that are no model, or not the only one."""
    first: str | None = None
    for index, entry in _entries(subject):
        if not entry.default:
            continue
        loc = ("model_providers", index, "default")
        if entry.is_wildcard:
            yield Finding(loc, f"'{entry.model}' cannot be the default", "Make one model the default.")
        elif first is not None:
            yield Finding(loc, f"'{first}' is the default already", "Keep one default.")
        else:
            first = entry.name


def credentials_are_given(subject: Subject) -> Iterator[Finding]:
    """Find hosted providers that would get neither our key nor the caller's."""
    for index, entry in _entries(subject):
        kind = entry.known_kind
        if kind is None or kind.key_optional:
            continue
        if entry.access_key is not None and not entry.access_key.get_secret_value():
            loc = ("model_providers", index, "access_key")
            yield Finding(loc, "is empty", "Set its variable to a key, or use passthrough_auth: true.")
            continue
        pays = entry.access_key or entry.passthrough_auth or entry.aws or entry.headers or kind.passthrough_without_key
        if not pays and entry.base_url is None:
            usual = f"access_key: ${kind.env}" if kind.env else "an access_key"
            message = f"'{entry.name}' has no credential: {kind.name} will refuse its requests"
            hint = f"Add {usual}, or passthrough_auth: true."
            yield Finding(("model_providers", index), message, hint, "warning")


def credentials_agree(subject: Subject) -> Iterator[Finding]:
    """Find entries with two ways of paying."""
    for index, entry in _entries(subject):
        here = ("model_providers", index)
        if entry.passthrough_auth and entry.access_key is not None:
            message = "is ignored: passthrough_auth sends the caller's own credential"
            yield Finding((*here, "access_key"), message, "Remove one of the two.", "warning")
        if entry.aws is None:
            continue
        if entry.access_key is not None:
            message = "stands beside aws: a request is either signed or carries a key"
            yield Finding((*here, "access_key"), message, "Remove one of the two.")
        if (entry.aws.access_key_id is None) != (entry.aws.secret_access_key is None):
            message = "needs both access_key_id and secret_access_key, or neither"
            yield Finding((*here, "aws"), message, "Neither means the usual AWS sources.")


def backoffs_grow(subject: Subject) -> Iterator[Finding]:
    """Find first pauses that are longer than the longest."""
    for index, entry in _entries(subject):
        backoff = entry.retry_policy.backoff if entry.retry_policy else None
        if backoff is not None and backoff.base_ms > backoff.max_ms:
            loc = ("model_providers", index, "retry_policy", "backoff", "base_ms")
            yield Finding(loc, f"is longer than max_ms ({backoff.max_ms})", "Make it shorter.")


def hedges_have_a_time(subject: Subject) -> Iterator[Finding]:
    """Find hedging without a time after which a try is late, or with one that is over before a try has begun."""
    for index, entry in _entries(subject):
        if entry.retry_policy is None or not entry.retry_policy.hedge:
            continue
        here, times = ("model_providers", index), entry.timeouts
        if not times.first_byte and not times.first_token:
            hint = "Set timeouts.first_byte, or timeouts.first_token for streams."
            yield Finding((*here, "retry_policy", "hedge"), "needs a time after which a try is late", hint)
        for name, given in (("first_byte", times.first_byte), ("first_token", times.first_token)):
            if given is not None and given < _SHORTEST_HEDGE:
                message = f"is too short to hedge after ({given:g}s)"
                yield Finding((*here, "timeouts", name), message, f"Make it at least {_SHORTEST_HEDGE:g}s.")


def ejections_grow(subject: Subject) -> Iterator[Finding]:
    """Find first ejections that are longer than the longest."""
    for index, entry in _entries(subject):
        given = entry.outlier_detection
        if given is not None and given.base_ejection_time > given.max_ejection_time:
            loc = ("model_providers", index, "outlier_detection", "base_ejection_time")
            yield Finding(loc, f"is longer than max_ejection_time ({given.max_ejection_time:g}s)", "Make it shorter.")


def affinity_has_no_gate(subject: Subject) -> Iterator[Finding]:
    """Find providers whose servers cannot be told apart, since what is watched over is behind a gate."""
    for index, entry in _entries(subject):
        if entry.prefix_affinity and entry.protection is not None:
            loc = ("model_providers", index, "prefix_affinity")
            message = "has no effect beside circuit_breakers, outlier_detection or health_check"
            yield Finding(loc, message, "Remove it, or those.", "warning")


def files_have_models(subject: Subject) -> Iterator[Finding]:
    """Find files without any model."""
    config = subject.config
    if not config.model_providers and not config.agents and not config.prompt_targets:
        yield Finding(("model_providers",), "names no model: every request will be refused", "Add one.", "warning")


CHECKS: Final[tuple[Check, ...]] = (
    kinds_are_known,
    interface_is_for_unknown_prefixes,
    base_urls_are_given,
    names_are_unique,
    wildcards_are_unique,
    one_default,
    credentials_are_given,
    credentials_agree,
    backoffs_grow,
    hedges_have_a_time,
    ejections_grow,
    affinity_has_no_gate,
    files_have_models,
)

_SHORTEST_HEDGE: Final = 0.1
"""Seconds. No model answers sooner, so every request would be asked of all."""
