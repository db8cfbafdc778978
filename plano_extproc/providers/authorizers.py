"""Which provider entries are paid request by request, and by what."""

import logging

from plano_extproc.config import Config
from plano_extproc.config.models import ModelProvider
from plano_extproc.errors import Unavailable
from plano_extproc.providers.auth import Authorizer
from plano_extproc.providers.aws import UsualKeys, aws_signature, botocore_keys
from plano_extproc.providers.chatgpt import ChatGptToken

_log = logging.getLogger(__name__)


class Authorizers:
    """The credentials that are not a key of the configuration: a login that is stored, and AWS signatures."""

    def __init__(self, login: ChatGptToken) -> None:
        """Pay for ChatGPT's models with `login`; AWS keys are looked for when an entry needs them."""
        self._login = login
        self._keys: UsualKeys | None = None

    def __call__(self, entry: ModelProvider) -> Authorizer | None:
        """Return what pays for an entry's requests; None where its key, or the client's own, does."""
        if entry.access_key or entry.passthrough_auth:
            return None
        if entry.provider == "chatgpt":
            return self._login
        return aws_signature(entry, self._usual_keys() if needs_usual_keys(entry) else None)

    def refresh(self, config: Config) -> None:
        """Look for the keys of the entries that have none of their own. It may take seconds, so it wants a thread."""
        if any(needs_usual_keys(entry) for entry in config.model_providers):
            try:
                self._usual_keys().refresh()
            except Unavailable as error:
                _log.warning("%s", error.message)

    def _usual_keys(self) -> UsualKeys:
        if self._keys is None:
            self._keys = UsualKeys(botocore_keys())
        return self._keys


def needs_usual_keys(entry: ModelProvider) -> bool:
    """Tell whether an entry signs with keys that it does not name itself."""
    return bool(entry.aws and not entry.access_key and not entry.passthrough_auth and not entry.aws.access_key_id)
