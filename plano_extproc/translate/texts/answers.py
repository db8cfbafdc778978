"""The texts of a whole answer, in each dialect that clients speak."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from plano_extproc.apis import Api
from plano_extproc.translate.chat import Json
from plano_extproc.translate.texts.parts import anthropic_blocks, chat_message, gemini_parts, item
from plano_extproc.translate.texts.place import Path, Place, replaced


def answer_places(api: Api, answer: Json) -> Iterator[Place]:
    """Yield the texts of an answer; legacy completions are read as `openai.chat`. An error has none."""
    return _DIALECTS[api](answer)


def replaced_answer(api: Api, answer: Json, edits: Mapping[Path, str]) -> Json:
    """Return the answer with other texts in these places, and without the log probabilities that would tell the old."""
    made = replaced(answer, edits)
    for path in edits:
        if api == "openai.chat":
            _forget(made, path[:2], None)
        elif api == "openai.responses":
            _forget(made, path[:-1], [])
    return made


def _forget(body: Json, path: Path, nothing: list[Any] | None) -> None:
    """Remove the log probabilities of a copy's part; only what an edit has made anew is changed."""
    part: Any = body
    for step in path:
        if not isinstance(part, (dict, list)):
            return
        part = part[step]  # type: ignore[index]  # a path's steps fit what they lead through
    if isinstance(part, dict) and part.get("logprobs"):
        part["logprobs"] = nothing


def _each(value: Any) -> Iterator[tuple[int, Json]]:
    for at, held in enumerate(value if isinstance(value, list) else ()):
        if isinstance(held, dict):
            yield at, held


def _chat(answer: Json) -> Iterator[Place]:
    for at, choice in _each(answer.get("choices")):
        if isinstance(choice.get("message"), dict):
            yield from chat_message(choice["message"], "assistant", ("choices", at, "message"))
        if isinstance(choice.get("text"), str) and choice["text"]:
            yield Place(choice["text"], "assistant", "text", ("choices", at, "text"))


def _responses(answer: Json) -> Iterator[Place]:
    for at, held in _each(answer.get("output")):
        yield from item(held, "assistant", ("output", at))
    # Some servers repeat the text here; SDKs make it up by themselves.
    if isinstance(answer.get("output_text"), str) and answer["output_text"]:
        yield Place(answer["output_text"], "assistant", "text", ("output_text",))


def _anthropic(answer: Json) -> Iterator[Place]:
    yield from anthropic_blocks(answer.get("content"), "assistant", ("content",))


def _gemini(answer: Json) -> Iterator[Place]:
    for at, candidate in _each(answer.get("candidates")):
        content = candidate.get("content")
        if isinstance(content, dict):
            yield from gemini_parts(content.get("parts"), "assistant", ("candidates", at, "content", "parts"))


_DIALECTS: Final[Mapping[Api, Callable[[Json], Iterator[Place]]]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _anthropic,
    "gemini.generate": _gemini,
}
