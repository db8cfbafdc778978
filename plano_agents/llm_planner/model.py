"""The planner's model, asked through the gateway like any other client's."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from plano_agents.llm_planner.output import draft_schema

Messages = Sequence[dict[str, str]]
Ask = Callable[[Messages], str]
"""Asks a model for a draft; returns what it said. Raises `ModelFailed`."""

GATEWAY: Final = "http://127.0.0.1:12000"
MODEL: Final = "openrouter/openai/gpt-4o-mini"

_MOST_BYTES: Final = 4 * 1024 * 1024


class ModelFailed(Exception):
    """No answer; `is_refused` says that the gateway would not let the agent call."""

    def __init__(self, message: str, *, is_refused: bool = False) -> None:
        super().__init__(message)
        self.is_refused = is_refused


@dataclass(frozen=True, slots=True)
class GatewayModel:
    """A model behind the gateway at `url`, such as http://127.0.0.1:12000, asked with the agent's own `key`."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 60.0

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "GatewayModel":
        """Return the model of the example, behind the gateway of this machine, with the key `PLANO_AGENT_KEY`."""
        return cls(GATEWAY, MODEL, environ.get("PLANO_AGENT_KEY", ""))

    def __call__(self, messages: Messages) -> str:
        """Ask. No tools are offered, so that there is nothing that the model could call."""
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ModelFailed("the gateway's URL must begin with http:// or https://")
        schema = {"name": "plan", "strict": True, "schema": draft_schema()}
        body = {
            "model": self.model,
            "messages": list(messages),
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        headers = {"content-type": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            f"{self.url.rstrip('/')}/v1/chat/completions", json.dumps(body).encode(), headers
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 - as above
                return _said(json.loads(answer.read(_MOST_BYTES)))
        except urllib.error.HTTPError as error:
            raise ModelFailed(_reason(error), is_refused=error.code in (401, 403)) from None
        except (OSError, ValueError) as error:
            raise ModelFailed(f"the model cannot be reached: {type(error).__name__}") from None


def _said(told: Any) -> str:
    """Return the text of an answer. A call of a tool is no text: none was offered, and none is made."""
    try:
        content = told["choices"][0]["message"].get("content")
    except (LookupError, TypeError, AttributeError):
        raise ModelFailed("the model's answer is no chat completion") from None
    return content if isinstance(content, str) else ""


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        told = json.loads(error.read(_MOST_BYTES))
        return f"status {error.code}: {told['error']['message']}"
    except (ValueError, LookupError, TypeError, OSError):
        return f"status {error.code}"
