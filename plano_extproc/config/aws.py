"""What a provider entry's `aws` leaves to be found elsewhere."""

import importlib.util
import re
from typing import Final
from urllib.parse import urlsplit

from plano_extproc.config.models import ModelProvider

_HOST: Final = re.compile(r"(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.")
"""Amazon's hosts: `bedrock-runtime.<region>.amazonaws.com`, with VPC endpoints before and other partitions behind."""


def region_of(provider: ModelProvider) -> str | None:
    """Return the AWS region to sign for: the entry's own, else that in its base_url; None where neither tells."""
    if provider.aws and provider.aws.region:
        return provider.aws.region
    found = _HOST.search((urlsplit(provider.base_url or "").hostname or "").lower())
    return found[1] if found else None


def can_sign() -> bool:
    """Tell whether botocore, which signs and knows the usual sources of keys, is installed."""
    return importlib.util.find_spec("botocore") is not None
