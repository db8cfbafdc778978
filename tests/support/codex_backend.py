"""The backend of ChatGPT subscriptions as a scripted provider: OpenAI's responses with rules and errors of its own."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from tests.support.http_server import Action, Recorded
from tests.support.refusal import Refusal
from tests.support.reply import Reply
from tests.support.responses_strict import check
from tests.support.scripted import ScriptedProvider

Json = dict[str, Any]
ROOT: Final = "/backend-api/codex"
UNSUPPORTED: Final = (
    "background",
    "conversation",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "previous_response_id",
    "prompt",
    "prompt_cache_retention",
    "safety_identifier",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)


class CodexBackend(ScriptedProvider):
    """Takes the access token of one account and answers with streams only.

    `is_terse` leaves the items out of the last event, as the real one does for some models.
    """

    def __init__(self, token: str, account: str = "acct-1", *, is_terse: bool = False) -> None:
        self._account = account
        self.is_terse = is_terse
        super().__init__("openai.responses", key=token)

    @property
    def url(self) -> str:
        """The API's root."""
        return f"http://127.0.0.1:{self.port}{ROOT}"

    def _answer(self, request: Recorded) -> Sequence[Action]:
        self.requests.append(request)
        try:
            self._check(request)
        except Refusal as refusal:
            self.refused.append(refusal.message)
            return self._whole(refusal.status, orjson.dumps({"detail": refusal.message}), [])
        return self._next(request)

    def _check(self, request: Recorded) -> None:
        if request.path != f"{ROOT}/responses" or request.method != "POST":
            raise Refusal(404, "Not Found")
        self.dialect.authenticate(request, self._key)
        if request.header("chatgpt-account-id") != self._account:
            raise Refusal(401, "Unauthorized")
        if not request.header("originator"):
            raise Refusal(403, "Forbidden")
        check_body(request.json())

    def _reply(self, reply: Reply, request: Recorded) -> Sequence[Action]:
        pieces = list(self.dialect.stream(reply, request.json()))
        if self.is_terse:
            head, _, last = pieces[-1].partition(b"data: ")
            told = orjson.loads(last)
            told["response"]["output"] = []
            pieces[-1] = head + b"data: " + orjson.dumps(told) + b"\n\n"
        return self._streamed(pieces, 0.0, "clean", None, ())


def check_body(body: Json) -> None:
    """Refuse a body that the backend would refuse, in its words."""
    for name in UNSUPPORTED:
        if name in body:
            raise Refusal(400, f"Unsupported parameter: {name}")
    if not isinstance(body.get("instructions"), str) or not body["instructions"].strip():
        raise Refusal(400, "Instructions are required")
    if body.get("store") is not False:
        raise Refusal(400, "Store must be set to false")
    if body.get("stream") is not True:
        raise Refusal(400, "Stream must be set to true")
    if not isinstance(body.get("input"), list):
        raise Refusal(400, "Input must be a list")
    for item in body["input"]:
        if item.get("role") == "system":
            raise Refusal(400, "System messages are not allowed")
        if item.get("type") == "item_reference" or (item.get("type") == "reasoning" and not item["encrypted_content"]):
            raise Refusal(404, f"Item with id '{item.get('id')}' not found.")
    if body.get("service_tier") in ("auto", "default"):
        raise Refusal(400, f"Unsupported service_tier: {body['service_tier']}")
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_object" and "json" not in orjson.dumps(body["input"]).decode().lower():
        raise Refusal(400, "Response input messages must contain the word 'json' in some form.")
    check(body)
