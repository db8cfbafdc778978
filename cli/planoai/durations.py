"""Lengths of time, as users write them."""

import rich_click as click
from pydantic import TypeAdapter, ValidationError

from plano_extproc.config.values import PositiveDuration


def seconds(text: str) -> float:
    """Return what `--since` says, in seconds. Raises `BadParameter`."""
    try:
        return TypeAdapter(PositiveDuration).validate_python(text)
    except ValidationError:
        raise click.BadParameter(
            f"'{text}' is no length of time; write 90m, 24h or 30d", param_hint="--since"
        ) from None
