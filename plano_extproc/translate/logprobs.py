"""How likely each token of a text was, in the form that OpenAI's two dialects share."""

from collections.abc import Iterable, Mapping
from typing import Any

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.chat import Json, Token
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.reading import text_of


def asked(knobs: Mapping[str, Any], losses: Losses) -> Mapping[str, Any]:
    """Return the settings without a wish for rivals that stands alone: most providers refuse it."""
    if knobs.get("logprobs") or "top_logprobs" not in knobs:
        return knobs
    losses.field("top_logprobs")
    return {knob: held for knob, held in knobs.items() if knob != "top_logprobs"}


def read_tokens(told: Any) -> tuple[Token, ...]:
    """Return the tokens in a list of a provider's; null and absent are none."""
    return tuple([_token(one, tuple(map(_token, one.get("top_logprobs") or ()))) for one in told or ()])


def _token(told: Json, rivals: tuple[Token, ...] = ()) -> Token:
    return token(text_of(told.get("token")), told.get("logprob"), told.get("bytes"), rivals)


def token(text: str, logprob: object, raw: object = None, rivals: tuple[Token, ...] = ()) -> Token:
    """Return a token; `raw` are its bytes where the provider tells them, else they are those of `text`."""
    if isinstance(logprob, bool) or not isinstance(logprob, int | float):
        raise BadProviderAnswer("the provider's answer has something else where the likelihood of a token belongs")
    is_told = isinstance(raw, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in raw)
    return Token(text, logprob, tuple(raw if isinstance(raw, list) and is_told else text.encode()), rivals)


def write_tokens(tokens: Iterable[Token]) -> list[Json]:
    """Return the tokens as a client gets them."""
    return [{**_written(one), "top_logprobs": [_written(rival) for rival in one.rivals]} for one in tokens]


def _written(one: Token) -> Json:
    return {"token": one.text, "logprob": one.logprob, "bytes": list(one.bytes)}
