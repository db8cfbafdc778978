"""AWS Signature Version 4: what proves that a request comes from the holder of a secret key.

botocore signs; here it is told what is signed, and when. It is an optional package (`pip install plano-extproc[aws]`),
loaded with the first provider entry that needs it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import importlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    auth, requests, keys = (
        importlib.import_module(f"botocore.{name}") for name in ("auth", "awsrequest", "credentials")
    )
    signer: Any = auth.SigV4Auth(
        keys.Credentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token),
        service,
        region,
    )
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    added = {"x-amz-date": stamp}
    if credentials.session_token:
        added["x-amz-security-token"] = credentials.session_token
    url = f"https://{host}{path}" + (f"?{query}" if query else "")
    request: Any = requests.AWSRequest(method=method, url=url, headers={**headers, "host": host, **added}, data=body)
    # botocore's own `add_auth` would read the clock.
    request.context["timestamp"] = stamp
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    proof = f"Credential={signer.scope(request)}, SignedHeaders={names}, Signature={signature}"
    return {**added, "authorization": f"{_ALGORITHM} {proof}"}
