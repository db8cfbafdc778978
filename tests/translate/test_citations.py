"""Pages on the web that texts rest on: told in answers, and given back in the next turn. Streams are in the goldens."""

from typing import Any

import orjson
import pytest

from plano_extproc.apis import Api
from plano_extproc.translate import Translation
from plano_extproc.translate.apis import CODECS
from plano_extproc.translate.chat import Citation, Text
from plano_extproc.translate.sealed import is_sealed
from tests.translate.facts import answer, chat_answer, messages_answer

PAGE = {"url": "https://a.example/page", "title": "A page"}
OF_CHAT = {"type": "url_citation", "url_citation": {**PAGE, "start_index": 2, "end_index": 6}}
OF_RESPONSES = {"type": "url_citation", **PAGE, "start_index": 2, "end_index": 6}
OF_ANTHROPIC = {"type": "web_search_result_location", **PAGE, "encrypted_index": "E9", "cited_text": "the fact is"}


def test_the_stretch_that_rests_on_a_page_is_kept_between_openais_dialects() -> None:
    made = answer("openai.chat", chat_answer({"content": "a fact", "annotations": [OF_CHAT]}), "openai.responses")

    assert made["output"][0]["content"][0]["annotations"] == [OF_RESPONSES]


def test_the_stretch_counts_in_the_whole_text() -> None:
    said = [
        {"type": "output_text", "text": "ab"},
        {"type": "output_text", "text": "a fact", "annotations": [OF_RESPONSES]},
    ]
    output = [{"type": "message", "content": said}]
    made = answer("openai.responses", {"status": "completed", "output": output}, "openai.chat")
    (told,) = made["choices"][0]["message"]["annotations"]

    assert (told["url_citation"]["start_index"], told["url_citation"]["end_index"]) == (4, 8)


def test_a_page_that_another_found_is_cited_to_anthropics_clients_with_a_mark() -> None:
    made = answer("openai.chat", chat_answer({"content": "a fact", "annotations": [OF_CHAT]}), "anthropic.messages")
    (told,) = made["content"][0]["citations"]

    assert (told["type"], told["url"], told["title"], told["cited_text"]) == (
        "web_search_result_location", "https://a.example/page", "A page", "",
    )  # fmt: skip
    assert is_sealed(told["encrypted_index"])


def test_a_search_result_of_the_request_is_cited_by_its_address() -> None:
    cited = {"type": "search_result_location", "source": "https://a.example/page", "title": "A page", "cited_text": "x"}
    content = [{"type": "text", "text": "a fact", "citations": [cited, {"type": "char_location", "cited_text": "x"}]}]
    made = answer("anthropic.messages", messages_answer(content), "openai.chat")

    (told,) = made["choices"][0]["message"]["annotations"]
    assert told["url_citation"] == {**PAGE, "start_index": 0, "end_index": 6}


def turn(client: Api) -> dict[str, Any]:
    match client:
        case "openai.chat":
            return {"messages": [{"role": "assistant", "content": "a fact", "annotations": [OF_CHAT]}]}
        case "openai.responses":
            part = {"type": "output_text", "text": "a fact", "annotations": [OF_RESPONSES]}
            return {"input": [{"role": "assistant", "content": [part]}]}
        case _:
            block = {"type": "text", "text": "a fact", "citations": [OF_ANTHROPIC]}
            return {"messages": [{"role": "assistant", "content": [block]}], "max_tokens": 9}


NAMES: dict[Api, str] = {
    "openai.chat": "messages[].annotations",
    "openai.responses": "input[].content[].annotations",
    "anthropic.messages": "messages[].content[].citations",
}


@pytest.mark.parametrize("client", NAMES)
@pytest.mark.parametrize("provider", ["openai.chat", "anthropic.messages", "gemini.generate", "bedrock.converse"])
def test_sources_that_a_provider_cannot_be_given_back_are_named(client: Api, provider: Api) -> None:
    if client == provider:
        return
    assert Translation(client, provider).request(turn(client), "m").dropped == (NAMES[client],)


@pytest.mark.parametrize("client", ["openai.chat", "anthropic.messages"])
def test_sources_go_back_to_a_provider_of_the_responses_dialect(client: Api) -> None:
    made = Translation(client, "openai.responses").request(turn(client), "m")
    (item,) = orjson.loads(made.body)["input"]
    (told,) = item["content"][0]["annotations"]

    assert (told["url"], told["end_index"], made.dropped) == ("https://a.example/page", 6, ())


def test_sources_that_are_no_pages_are_named_and_the_others_kept() -> None:
    cited = [OF_ANTHROPIC, {"type": "char_location", "cited_text": "x"}]
    body = {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "a fact", "citations": cited}]}]}
    made = Translation("anthropic.messages", "openai.responses").request(body, "m")

    assert made.dropped == ("messages[].content[].citations",)
    assert len(orjson.loads(made.body)["input"][0]["content"][0]["annotations"]) == 1


def test_what_a_page_says_is_kept_for_anthropics_clients() -> None:
    cited = {"title": "A page", "location": {"web": {"url": PAGE["url"]}}, "sourceContent": [{"text": "the fact is"}]}
    content = [{"citationsContent": {"content": [{"text": "a fact"}], "citations": [cited]}}]
    body = {"output": {"message": {"content": content}}, "stopReason": "end_turn"}

    assert answer("bedrock.converse", body, "anthropic.messages")["content"][0]["citations"][0]["cited_text"] == (
        "the fact is"
    )


@pytest.mark.parametrize("span", [(2, 2), (4, 1), (-1, 3), (0, None)])
def test_a_stretch_that_is_none_is_the_whole_text(span: tuple[object, object]) -> None:
    told = {"type": "url_citation", "url_citation": {**PAGE, "start_index": span[0], "end_index": span[1]}}
    read = CODECS["openai.chat"].decode_answer(chat_answer({"content": "a fact", "annotations": [told]}))

    assert read.blocks == (Text("a fact", citations=(Citation(PAGE["url"], PAGE["title"]),)),)
