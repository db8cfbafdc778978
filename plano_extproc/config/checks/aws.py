"""Provider entries whose requests are signed: for a region, and with keys that can be had."""

from collections.abc import Iterator
from typing import Final

from plano_extproc.config.aws import can_look_for_keys, looks_for_keys, region_of
from plano_extproc.config.checks.finding import Check, Finding, Subject


def regions_are_known(subject: Subject) -> Iterator[Finding]:
    """Find entries that do not say which region to sign for."""
    for index, entry in enumerate(subject.config.model_providers):
        if entry.aws is not None and region_of(entry) is None:
            hint = "Write the region of the models, such as us-east-1."
            yield Finding(("model_providers", index, "aws", "region"), "is required: base_url does not tell it", hint)


def keys_can_be_had(subject: Subject) -> Iterator[Finding]:
    """Find entries that rely on the usual AWS sources where nothing can read them."""
    for index, entry in enumerate(subject.config.model_providers):
        if looks_for_keys(entry) and not can_look_for_keys():
            yield Finding(
                ("model_providers", index, "aws"),
                "leaves the keys to the usual AWS sources, and the package that reads those is not installed",
                "Run: pip install 'plano-extproc[aws]'. Or set access_key_id and secret_access_key here, "
                "or leave out aws and set access_key to a Bedrock API key.",
            )


CHECKS: Final[tuple[Check, ...]] = (regions_are_known, keys_can_be_had)
