"""AWS Signature Version 4: what proves that a request comes from the holder of a secret key.

The request is written in one canonical form, and a digest of it is signed with a key that holds for one day, region
and service. A wrong signature is refused by AWS, never taken for right.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys of an AWS account; those that are temporary come with a token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def signed_headers(
    method: str,
    host: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """Return the headers that sign a request. They must be sent along, and so must `headers`, all unchanged.

    `path` and `query` are as on the wire, where a path has neither empty nor dot segments; `now` is in seconds since
    1970, and AWS takes a signature for five minutes.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    added = {"x-amz-date": stamp}
    if credentials.session_token:
        added["x-amz-security-token"] = credentials.session_token
    signed = {**headers, "host": host, **added}
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    canonical = canonical_request(method, path, query, signed, body)
    to_sign = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    proof = f"Credential={credentials.access_key_id}/{scope}, SignedHeaders={_names(signed)}, Signature={signature}"
    return {**added, "authorization": f"{_ALGORITHM} {proof}"}


def canonical_request(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return a request in its canonical form.

    A path that is escaped on the wire is escaped once more, as AWS demands of all services but S3.
    """
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return "\n".join(
        (
            method,
            quote(path or "/", safe="/~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{value}" for name, value in lines),
            "",
            _names(headers),
            hashlib.sha256(body).hexdigest(),
        )
    )


def _names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(name.lower() for name in headers))
