"""The key that the planner calls its model with: from the environment, a file, or HashiCorp Vault.

In this order: the variable `OPENROUTER_API_KEY`; the file that `OPENROUTER_API_KEY_FILE` names; the field `api_key` of
the secret at `VAULT_SECRET` (such as `secret/openrouter`) of the KV v2 engine at `VAULT_ADDR`, read with `VAULT_TOKEN`.
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

_SECONDS: Final = 5.0
_FIELD: Final = "api_key"


class NoCredential(Exception):
    """There is no key to be had; the message says why, and holds none."""


def api_key(environ: Mapping[str, str]) -> str:
    """Return the key. Raises `NoCredential`."""
    if key := environ.get("OPENROUTER_API_KEY", "").strip():
        return key
    if name := environ.get("OPENROUTER_API_KEY_FILE"):
        try:
            key = Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NoCredential(f"the key's file {name} cannot be read: {type(error).__name__}") from None
        if not key:
            raise NoCredential(f"the key's file {name} is empty")
        return key
    if environ.get("VAULT_ADDR"):
        return _from_vault(environ)
    raise NoCredential("set OPENROUTER_API_KEY, OPENROUTER_API_KEY_FILE, or VAULT_ADDR, VAULT_TOKEN and VAULT_SECRET")


def _from_vault(environ: Mapping[str, str]) -> str:
    address, token, secret = (environ.get(name, "") for name in ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_SECRET"))
    mount, _, path = secret.strip("/").partition("/")
    if not token or not path:
        raise NoCredential("Vault needs VAULT_TOKEN, and VAULT_SECRET as mount/path")
    if urlsplit(address).scheme not in ("http", "https"):
        raise NoCredential("VAULT_ADDR must begin with http:// or https://")
    headers = {"X-Vault-Token": token}
    if space := environ.get("VAULT_NAMESPACE"):
        headers["X-Vault-Namespace"] = space
    url = f"{address.rstrip('/')}/v1/{quote(mount)}/data/{quote(path)}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme is checked above
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
            told: Any = json.load(answer)
        key = told["data"]["data"][_FIELD]
    except urllib.error.HTTPError as error:
        raise NoCredential(f"Vault answers {error.code} for {secret}") from None
    except OSError as error:
        raise NoCredential(f"Vault cannot be reached: {type(error).__name__}") from None
    except (ValueError, LookupError, TypeError):
        raise NoCredential(f"the secret {secret} has no field {_FIELD}") from None
    if not isinstance(key, str) or not key:
        raise NoCredential(f"the field {_FIELD} of {secret} is empty")
    return key
