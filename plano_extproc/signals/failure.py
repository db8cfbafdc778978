"""Failure: a tool was called wrongly, and said so."""

from collections.abc import Sequence
from typing import Final

from plano_extproc.signals.observations import Family

FAMILIES: Final[Sequence[Family]] = (
    Family(
        "execution.failure.invalid_args",
        0.9,
        r"invalid argument",
        r"invalid parameter",
        r"invalid params?\b",
        r"invalid type",
        r"invalid value",
        r"invalid input",
        r"invalid format",
        r"missing (?:a )?required",
        r"required (?:field|parameter|argument|property)",
        r"missing \d+ required",
        r"unexpected (?:keyword )?argument",
        r"unexpected parameter",
        r"unrecognized argument",
        r"validation ?error",
        r"validation failed",
        r"schema validation",
        r"must be (?:a |an )?(?:string|number|integer|"
        r"boolean|array|object|list)",
        r"expected (?:a |an )?(?:string|number|integer|boolean|array|object)\b",
        r"wrong type",
        r"type ?error",
        r"out of range",
    ),
    Family(
        "execution.failure.tool_not_found",
        0.95,
        r"unknown (?:tool|function)",
        r"tool not found",
        r"function not found",
        r"no such (?:tool|function)",
        r"(?:tool|function) .{0,60}does not exist",
        r"(?:tool|function) .{0,60}not (?:found|available|registered)",
        r"undefined (?:tool|function)",
        r"unsupported (?:tool|function)",
        r"invalid (?:tool|function) name",
        r"no (?:tool|function) named",
        r"action not found",
    ),
    Family(
        "execution.failure.auth_misuse",
        0.8,
        r"unauthori[sz]ed",
        r"\b401\b",
        r"\b403\b",
        r"forbidden",
        r"permission denied",
        r"access denied",
        r"authentication (?:failed|required)",
        r"authorization (?:failed|required)",
        r"invalid (?:api[ _-]?)?key",
        r"invalid (?:access )?token",
        r"expired (?:token|credentials?|session)",
        r"token (?:has )?expired",
        r"missing (?:credentials?|api[ _-]?key|token)",
        r"not logged in",
    ),
    Family(
        "execution.failure.state_error",
        0.85,
        r"invalid state",
        r"illegal state",
        r"state error",
        r"already exists",
        r"already (?:been )?(?:closed|completed|"
        r"cancell?ed|deleted|started)",
        r"not (?:been )?initiali[sz]ed",
        r"not connected",
        r"precondition failed",
        r"conflict",
        r"must (?:first )?(?:call|create|open|connect|log ?in)",
        r"session (?:not found|closed|ended)",
        r"resource (?:is )?locked",
        r"in use by",
        r"no active",
        r"not ready",
    ),
    Family(
        "execution.failure.bad_query",
        0.8,
        r"syntax error",
        r"invalid query",
        r"malformed query",
        r"query (?:error|failed)",
        r"parse error",
        r"no results? found",
        r"no (?:matching )?(?:records?|rows|matches|documents|entries)",
        r"not found",
        r"does not exist",
        r"no such (?:table|column|"
        r"file|key|field|index)",
        r"unknown (?:column|field|table|key)",
        r"empty (?:result|query)",
        r"zero results",
        r"ambiguous column",
        r"\b404\b",
    ),
)


def confidence(family: Family, text: str) -> float:
    """Return how sure a match is: an empty result is hardly a bad query unless the text speaks of an error."""
    if family.type.endswith(".bad_query"):
        lower = text.lower()
        return 0.8 if any(word in lower for word in ("error", "invalid", "failed")) else 0.6
    return family.confidence
