"""AWS keys as a provider's credential: where they come from, and the signature that proves them.

Keys stand in the configuration, or are found as every AWS tool finds them: in the environment, the files in `~/.aws`
with profiles, single sign-on and processes, by a web identity, from the container, or from the machine. Many of these
are temporary, and are asked for over the network; botocore knows how, and renews them.
"""

import importlib
from collections.abc import Callable
from typing import Any, Final

from plano_extproc.config.aws import region_of
from plano_extproc.config.models import ModelProvider
from plano_extproc.errors import Unavailable
from plano_extproc.providers.auth import Headers, Outbound
from plano_extproc.providers.sigv4 import Credentials, signed_headers

_SERVICE: Final = "bedrock"
_HINT: Final = "; `aws sts get-caller-identity`, run where the gateway runs, tells more"

Find = Callable[[], Credentials]
"""Finds credentials. It may read files and the network, and take its time. Raises `Unavailable`."""


class UsualKeys:
    """Keys from the usual sources, kept at hand so that no request waits for them.

    `refresh` is to be called before the first request and about once a minute, in a thread of its own: it may block.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._held: Credentials | None = None
        self._problem = "the AWS credentials are being looked for; try again in a moment"

    def refresh(self) -> None:
        """Look for the keys again. Raises `Unavailable` where there are none, and keeps those that it had."""
        try:
            self._held = self._find()
        except Unavailable as error:
            self._problem = error.message
            raise

    def __call__(self) -> Credentials:
        """Return the keys at once. Raises `Unavailable`, as the last look did, where none were ever found."""
        if self._held is None:
            raise Unavailable(self._problem)
        return self._held


class AwsSignature:
    """Pays for the requests of one provider entry by signing them, as an `Authorizer`."""

    def __init__(self, region: str, keys: Find) -> None:
        """Sign for `region`; `keys` answers at once."""
        self._region = region
        self._keys = keys

    def __call__(self, outbound: Outbound, now: float) -> Headers:
        """Return the headers of the signature, and those that are signed beside the host."""
        path, _, query = outbound.path.partition("?")
        signed = {"content-type": "application/json"}
        signature = signed_headers(
            outbound.method,
            outbound.authority,
            path,
            query,
            signed,
            outbound.body,
            credentials=self._keys(),
            region=self._region,
            service=_SERVICE,
            now=now,
        )
        return tuple((name, value.encode("latin-1")) for name, value in {**signed, **signature}.items())


def aws_signature(provider: ModelProvider, usual: Find | None) -> AwsSignature | None:
    """Return what signs an entry's requests; None for one that is paid otherwise.

    `usual` gives the keys of an entry without its own. A configuration that was checked has a region and keys.
    """
    settings = provider.aws
    if settings is None or provider.access_key or provider.passthrough_auth:
        return None
    region = region_of(provider)
    assert region is not None, f"{provider.model}: validation demands a region"
    if settings.access_key_id and settings.secret_access_key:
        token = settings.session_token
        own = Credentials(
            settings.access_key_id.get_secret_value(),
            settings.secret_access_key.get_secret_value(),
            token.get_secret_value() if token else None,
        )
        return AwsSignature(region, lambda: own)
    assert usual is not None, f"{provider.model}: its keys are looked for"
    return AwsSignature(region, usual)


def botocore_keys() -> Find:
    """Return what finds keys in the usual sources. Raises `ModuleNotFoundError` where botocore is not installed."""
    session = importlib.import_module("botocore.session").Session()
    # The base of all that goes wrong: a profile that is missing, a sign-on that has expired, a machine without a role.
    failure: type[Exception] = importlib.import_module("botocore.exceptions").BotoCoreError

    def find() -> Credentials:
        try:
            found: Any = session.get_credentials()
            frozen = found and found.get_frozen_credentials()
        except failure as error:
            problem = f"the AWS credentials cannot be had ({type(error).__name__}){_HINT}"
            raise Unavailable(problem) from error
        if not frozen:
            raise Unavailable(f"no AWS credentials were found{_HINT}")
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return find
