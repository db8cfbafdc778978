"""Provider entries whose requests are signed: for a region, and with keys that can be had."""

from collections.abc import Iterator
from typing import Final

from plano_extproc.config.aws import can_sign, region_of
from plano_extproc.config.checks.finding import Check, Finding, Subject


def regions_are_known(subject: Subject) -> Iterator[Finding]:
    """Find entries that do not say which region to sign for."""
    for index, entry in enumerate(subject.config.model_providers):
        if entry.aws is not None and region_of(entry) is None:
            hint = "Write the region of the models, such as us-east-1."
            yield Finding(("model_providers", index, "aws", "region"), "is required: base_url does not tell it", hint)


def requests_can_be_signed(subject: Subject) -> Iterator[Finding]:
    """Find entries whose requests are signed where nothing can sign."""
    for index, entry in enumerate(subject.config.model_providers):
        if entry.aws is not None and not entry.access_key and not can_sign():
            yield Finding(
                ("model_providers", index, "aws"),
                "asks for signed requests, and the package that signs them is not installed",
                "Run: pip install 'plano-extproc[aws]'. Or leave out aws and set access_key to a Bedrock API key.",
            )


CHECKS: Final[tuple[Check, ...]] = (regions_are_known, requests_can_be_signed)
