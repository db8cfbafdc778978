"""The pages about dialects, held to what the codecs do: reasons, lost fields, refused parts, counts and errors."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, assert_never

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, InvalidRequest
from plano_extproc.translate import Profile, Translation, profile_for
from plano_extproc.translate.apis import (
    CODECS,
    PROVIDER_CODECS,
    anthropic_messages,
    bedrock_converse,
    gemini_generate,
    openai_chat,
    openai_responses,
)
from plano_extproc.translate.chat import Answer, Finish, Json, Text, Usage
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.faults import Fault, fault_body

DOCS: Final = Path(__file__).parents[2] / "docs/dialects"
SHORT: Final[dict[str, Api]] = {
    "chat": "openai.chat",
    "responses": "openai.responses",
    "messages": "anthropic.messages",
    "gemini": "gemini.generate",
    "bedrock": "bedrock.converse",
}
"""How the tables name the dialects."""
PAGES: Final[dict[Api, str]] = {
    "openai.chat": "openai-chat.md",
    "openai.responses": "openai-responses.md",
    "anthropic.messages": "anthropic-messages.md",
    "gemini.generate": "gemini.md",
    "bedrock.converse": "bedrock.md",
}
BASES: Final[dict[Api, Json]] = {
    "openai.chat": {"messages": [{"role": "user", "content": "hi"}]},
    "openai.responses": {"input": "hi"},
    "anthropic.messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4096},
    "gemini.generate": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
"""What every request of a table has besides the fields that its row shows."""
USAGE: Final = Usage(input=10, cache_read=20, cache_write=30, output=40, reasoning=5)
"""The counts that every page shows in its dialect's words."""

DROPPED: Final = "| named in `x-plano-dropped` |"
REFUSED: Final = "| `param` of the error |"
REASONS: Final = "| the provider's word |"
WITH_CALL: Final = " with a tool call"
SAME: Final = "the same"
KNOWN_REASONS: Final[dict[Api, set[str]]] = {
    "openai.chat": {*openai_chat.answer._FINISHES},
    "openai.responses": {*openai_responses.answer._FINISHES, *openai_responses.answer._FAILED},
    "anthropic.messages": {*anthropic_messages.answer._FINISHES},
    "gemini.generate": {*gemini_generate.answer._FINISHES, *gemini_generate.answer._FAILURES},
    "bedrock.converse": {*bedrock_converse.answer._FINISHES},
}
Row = list[str]


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def table(text: str, head: str) -> Iterator[Row]:
    """Yield the rows of all tables that begin with `head`."""
    is_inside = False
    for line in text.splitlines():
        if line.startswith(head):
            is_inside = True
        elif not line.startswith("|"):
            is_inside = False
        elif is_inside and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def code(cell: str) -> str:
    return cell.strip("`")


def asked_of(api: Api) -> tuple[Api, tuple[Api, ...]]:
    """Return the dialect that the page's requests are in, and those of the providers that get them."""
    if api in CODECS:
        return api, tuple(other for other in PROVIDER_CODECS if other != api)
    return "openai.chat", (api,)


def rows(head: str) -> list[Any]:
    return [
        pytest.param(api, row, id=f"{api}-{code(row[0])}-{position}")
        for api, name in PAGES.items()
        for position, row in enumerate(table(page(name), head))
    ]


def listed(cell: str, others: tuple[Api, ...]) -> set[Api]:
    return set(others) if cell == "all" else {SHORT[name] for name in cell.split(", ")}


def profile(api: Api) -> Profile:
    """Return that of the model that the index names for the tables."""
    model = next(code(row[3]) for row in table(page("README.md"), "| dialect |") if code(row[0]) == api)
    return profile_for(api, model)


def request_of(client: Api, cell: str) -> Json:
    return {**BASES[client], **orjson.loads(code(cell))}


def ended(api: Api, word: str, *, with_call: bool) -> Json:
    """Return an answer of a provider that ends with its word for the reason."""
    match api:
        case "openai.chat":
            calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}] if with_call else []
            return {"choices": [{"message": {"content": "x", "tool_calls": calls}, "finish_reason": word}]}
        case "openai.responses":
            items: list[Json] = [{"type": "message", "content": [{"type": "output_text", "text": "x"}]}]
            items += [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}] if with_call else []
            if word in ("completed", "failed", "cancelled"):
                return {"status": word, "output": items}
            return {"status": "incomplete", "incomplete_details": {"reason": word}, "output": items}
        case "anthropic.messages":
            use = [{"type": "tool_use", "id": "c", "name": "f", "input": {}}] if with_call else []
            return {"content": [{"type": "text", "text": "x"}, *use], "stop_reason": word}
        case "gemini.generate":
            parts = [{"text": "x"}, *([{"functionCall": {"name": "f"}}] if with_call else [])]
            return {"candidates": [{"content": {"parts": parts}, "finishReason": word}]}
        case "bedrock.converse":
            blocks = [{"text": "x"}, *([{"toolUse": {"toolUseId": "c", "name": "f"}}] if with_call else [])]
            return {"output": {"message": {"content": blocks}}, "stopReason": word}
        case _:
            assert_never(api)


def reason_in(client: Api, made: Json) -> str:
    match client:
        case "openai.chat":
            return str(made["choices"][0]["finish_reason"])
        case "openai.responses":
            return str((made["incomplete_details"] or {}).get("reason", made["status"]))
        case "anthropic.messages":
            return str(made["stop_reason"])
        case _:
            return str(made["candidates"][0]["finishReason"])


def word_of(cell: str) -> str:
    return code(cell.removesuffix(WITH_CALL))


def endings(provider: Api, cell: str) -> dict[Api, str]:
    """Return what clients of other dialects are told when a provider ends as a table's cell says."""
    body = ended(provider, word_of(cell), with_call=cell.endswith(WITH_CALL))
    told: dict[Api, str] = {}
    for client in CODECS:
        if client == provider:
            continue
        try:
            made = Translation(client, provider).response(orjson.dumps(body))
            told[client] = reason_in(client, orjson.loads(made))
        except BadProviderAnswer:
            told[client] = "an error"
    return told


@pytest.mark.parametrize(("api", "row"), rows(DROPPED))
def test_a_field_is_lost_where_the_page_says_so_and_nowhere_else(api: Api, row: Row) -> None:
    client, others = asked_of(api)
    name, by, example = row
    lost = {
        provider: Translation(client, provider, profile(provider)).request(request_of(client, example), "m").dropped
        for provider in others
    }
    known = {code(row[0]) for row in table(page(PAGES[api]), DROPPED)}

    assert {provider for provider, names in lost.items() if code(name) in names} == listed(by, others)
    assert {name for names in lost.values() for name in names} <= known, "every field that is lost has a row"


@pytest.mark.parametrize(("api", "row"), rows(REFUSED))
def test_a_part_is_refused_where_the_page_says_so_and_nowhere_else(api: Api, row: Row) -> None:
    client, others = asked_of(api)
    param, by, example = row
    refused: dict[Api, str | None] = {}
    for provider in others:
        try:
            Translation(client, provider, profile(provider)).request(request_of(client, example), "m")
        except InvalidRequest as error:
            refused[provider] = error.param

    assert refused == dict.fromkeys(listed(by, others), code(param))


@pytest.mark.parametrize(("api", "row"), rows(REASONS))
def test_an_answer_ends_for_clients_as_the_page_says(api: Api, row: Row) -> None:
    told = dict(zip((api for api in SHORT.values() if api in CODECS), row[1:], strict=True))

    assert {client: code(cell) for client, cell in told.items() if client != api} == endings(api, row[0])
    assert told.get(api, SAME) == SAME


@pytest.mark.parametrize("head", [DROPPED, REFUSED, REASONS])
@pytest.mark.parametrize("name", PAGES.values())
def test_every_page_has_every_table(name: str, head: str) -> None:
    assert list(table(page(name), head))


@pytest.mark.parametrize("api", PROVIDER_CODECS)
def test_every_reason_that_is_known_has_a_row(api: Api) -> None:
    shown = {word_of(row[0]) for row in table(page(PAGES[api]), REASONS)}

    assert shown >= KNOWN_REASONS[api]


@pytest.mark.parametrize("api", PROVIDER_CODECS)
def test_counts_are_told_as_the_page_shows(api: Api) -> None:
    shown = orjson.loads(page(PAGES[api]).partition("## Usage")[2].partition("```json")[2].partition("```")[0])
    key = "usageMetadata" if api == "gemini.generate" else "usage"
    read = PROVIDER_CODECS[api].decode_answer({**ended(api, "", with_call=False), key: shown}).usage

    assert read is not None
    assert (read.prompt, read.cache_read, read.output) == (60, 20, 40)
    if api in CODECS:
        answer = Answer("a", "m", (Text("x"),), Finish.STOP, usage=USAGE)
        assert CODECS[api].encode_answer(answer, AnswerOptions())[key] == shown


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in table(page("README.md"), "| status |")])
def test_an_error_of_a_status_has_the_words_of_the_table(row: Row) -> None:
    status, kind, openai_code, anthropic_kind, google_status = row
    fault = Fault("m", int(status))
    openai, responses, anthropic, google = (
        orjson.loads(fault_body(api, fault))["error"]
        for api in ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generate")
    )

    assert (openai["type"], openai["code"]) == (code(kind), code(openai_code) or None)
    assert responses == openai
    assert anthropic["type"] == code(anthropic_kind)
    assert (google["code"], google["status"]) == (fault.status, code(google_status))


@pytest.mark.parametrize("row", list(table(page(PAGES["anthropic.messages"]), "| effort |")))
def test_an_effort_is_the_budget_of_the_table(row: Row) -> None:
    efforts, budget = row
    for effort in efforts.split(", "):
        body = {**BASES["openai.chat"], "reasoning_effort": code(effort)}
        made = Translation("openai.chat", "anthropic.messages", profile("anthropic.messages")).request(body, "m")

        assert orjson.loads(made.body)["thinking"] == {"type": "enabled", "budget_tokens": int(budget)}


def test_an_exception_of_amazon_has_the_status_of_the_table() -> None:
    shown = {
        code(name): int(status)
        for names, status in table(page(PAGES["bedrock.converse"]), "| exception in a stream |")
        for name in names.split(", ")
    }

    assert shown == bedrock_converse.stream_decoder._STATUSES


def test_every_event_that_a_golden_stream_has_is_on_the_page() -> None:
    files = (DOCS.parents[1] / "tests/golden/streams").glob("*/*.openai.responses.sse")
    told = {name for file in files for name in re.findall(r"^event: (\S+)", file.read_text("utf-8"), re.MULTILINE)}
    shown = {code(name) for row in table(page(PAGES["openai.responses"]), "| event |") for name in row[0].split(", ")}

    assert told, "there are such files"
    assert told <= shown


def test_the_matrix_has_every_client_with_every_provider() -> None:
    shown = {code(row[0]): row[1:] for row in table(page("README.md"), "| client \\ provider |")}

    assert shown == {
        client: ["untouched" if client == provider else "translated" for provider in SHORT.values()]
        for client in SHORT.values()
        if client in CODECS
    }
    assert set(SHORT.values()) == set(PROVIDER_CODECS)


@pytest.mark.parametrize("api", CODECS)
def test_every_name_that_a_lost_field_can_have_is_on_the_page(api: Api) -> None:
    assert {word for word in CODECS[api].words.values() if f"`{word}`" not in page(PAGES[api])} == set()


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([a-z-]+\.md)\)", page("README.md")))

    assert linked >= set(PAGES.values())
    assert {path.name for path in DOCS.iterdir()} == {"README.md", *PAGES.values()}
