"""A whole answer of Gemini's API, both ways; and what its stream, which is made of such answers, shares with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from plano_extproc.errors import BadProviderAnswer
from plano_extproc.translate.apis.gemini_generate.fields import SERVICE_TIERS, TIER_WORDS, TRAFFIC_TIERS
from plano_extproc.translate.apis.gemini_generate.kept import Kept
from plano_extproc.translate.call_ids import with_signature
from plano_extproc.translate.chat import (
    Answer,
    Block,
    Citation,
    Finish,
    Inline,
    Json,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    Token,
    ToolUse,
    Usage,
)
from plano_extproc.translate.codec import AnswerOptions
from plano_extproc.translate.faults import fault_in
from plano_extproc.translate.logprobs import token
from plano_extproc.translate.media import data_uri
from plano_extproc.translate.names import derived_id
from plano_extproc.translate.reading import count_of, name_of, text_of
from plano_extproc.translate.sealed import seal


def decode_answer(body: Json) -> Answer:
    """Return what the provider said."""
    if body.get("error"):
        raise BadProviderAnswer(fault_in(body).message)
    answer_id = text_of(body.get("responseId"))
    candidates = body.get("candidates") or ()
    choices = [_candidate(candidate, answer_id) for candidate in candidates]
    if not choices:
        finish, raw, explanation = read_block(body)
        if raw is None:
            raise BadProviderAnswer("the provider's answer has no candidates")
        choices = [Answer("", "", (Refusal(explanation),) if explanation else (), finish, raw)]
    first, *others = choices
    return replace(
        first,
        id=answer_id,
        model=text_of(body.get("modelVersion")),
        usage=read_usage(body.get("usageMetadata")),
        others=tuple(others),
    )


def _candidate(candidate: Json, answer_id: str) -> Answer:
    raw = raw_finish(candidate)
    blocks: list[Block] = []
    calls = 0
    for part in parts_of(candidate):
        if call := part.get("functionCall"):
            blocks.append(ToolUse(call_id_of(part, answer_id, *_place(candidate), calls), name_of(call), args_of(call)))
            calls += 1
        elif part.get("thought"):
            blocks = _with_thought(blocks, text_of(part.get("text")), signature_of(part))
        elif text := said_in(part):
            blocks = _with_text(blocks, text)
    sources = tuple(citations_of(candidate))
    last = max((at for at, block in enumerate(blocks) if isinstance(block, Text)), default=None)
    if last is not None:
        blocks[last] = Text(_text(blocks[last]), citations=sources, tokens=tokens_of(candidate))
    finish = read_finish(raw).given(tool_used=calls > 0)
    if finish is Finish.CONTENT_FILTER and (explanation := text_of(candidate.get("finishMessage"))):
        blocks.append(Refusal(explanation))
    return Answer("", "", tuple(blocks), finish, raw)


def _place(candidate: Json) -> tuple[int, ...]:
    index = count_of(candidate, "index")
    return (index,) if index else ()


def _with_text(blocks: list[Block], text: str) -> list[Block]:
    if blocks and isinstance(blocks[-1], Text):
        return [*blocks[:-1], Text(blocks[-1].text + text)]
    return [*blocks, Text(text)]


def _with_thought(blocks: list[Block], text: str, signature: str | None) -> list[Block]:
    last = blocks[-1] if blocks else None
    if isinstance(last, Thinking) and last.signature is None:
        return [*blocks[:-1], Thinking(last.text + text, signature)]
    return [*blocks, Thinking(text, signature)] if text or signature else blocks


def _text(block: Block) -> str:
    return block.text if isinstance(block, Text) else ""


def parts_of(candidate: Json) -> Iterable[Json]:
    """Return the parts of a candidate; one that was stopped may have no content at all."""
    content = candidate.get("content") or {}
    parts: Iterable[Json] = content.get("parts") or ()
    return parts


def signature_of(thought: Json) -> str | None:
    """Return the signature of a part that is thought, sealed for clients of other dialects.

    Signatures of text are left out: Gemini does not demand them, they come after their text, and a turn that ends in
    thinking is refused, or shown as empty, by Anthropic's API and its clients.
    """
    signature = text_of(thought.get("thoughtSignature"))
    return seal("gemini.generate", signature) if signature else None


def call_id_of(part: Json, answer_id: str, *place: int) -> str:
    """Return the id of a call, which carries its signature; `place` tells calls apart that have no id."""
    given = text_of(part["functionCall"].get("id")) or derived_id("call_", answer_id, *place)
    return with_signature(given, text_of(part.get("thoughtSignature")))


def args_of(call: Json) -> Json:
    """Return the arguments of a call."""
    if call.get("partialArgs") or call.get("willContinue"):
        raise BadProviderAnswer("the provider sent a tool call in pieces, which it was not asked for")
    arguments = call.get("args") or {}
    if isinstance(arguments, dict):
        return arguments
    raise BadProviderAnswer("the provider's answer calls a tool with something else than an object")


def said_in(part: Json) -> str:
    """Return what a part says in text; pictures are told as Markdown, for want of a better word in most dialects."""
    if blob := part.get("inlineData"):
        return f"![]({data_uri(Inline(text_of(blob.get('mimeType')), text_of(blob.get('data'))))})"
    return text_of(part.get("text"))


def citations_of(candidate: Json) -> list[Citation]:
    """Return the pages that an answer rests on, each once."""
    grounding = candidate.get("groundingMetadata") or {}
    pages = [chunk.get("web") or {} for chunk in grounding.get("groundingChunks") or ()]
    recited = candidate.get("citationMetadata") or {}
    pages += recited.get("citations") or recited.get("citationSources") or ()
    found = [Citation(text_of(page["uri"]), text_of(page.get("title"))) for page in pages if page.get("uri")]
    return list(dict.fromkeys(found))


def tokens_of(candidate: Json) -> tuple[Token, ...]:
    """Return the tokens of what a candidate says, where the request asked how likely they were."""
    told = candidate.get("logprobsResult")
    if not told:
        return ()
    chosen, places = told.get("chosenCandidates") or (), told.get("topCandidates") or ()
    rivals = [tuple(map(_token, place.get("candidates") or ())) for place in places]
    return tuple(_token(one, rivals[at] if at < len(rivals) else ()) for at, one in enumerate(chosen))


def _token(told: Json, rivals: tuple[Token, ...] = ()) -> Token:
    return token(text_of(told.get("token")), told.get("logProbability"), rivals=rivals)


def write_tokens(tokens: Sequence[Token]) -> Json:
    """Return the field that tells how likely the tokens were, if they are known."""
    if not tokens:
        return {}
    told = {"chosenCandidates": [_written_token(one) for one in tokens]}
    told["topCandidates"] = [{"candidates": [_written_token(rival) for rival in one.rivals]} for one in tokens]
    return {"logprobsResult": told}


def _written_token(one: Token) -> Json:
    return {"token": one.text, "logProbability": one.logprob}


def raw_finish(candidate: Json) -> str | None:
    """Return the reason why a candidate ended, None while it goes on. Raises for one that is a failure."""
    raw = candidate.get("finishReason")
    if not isinstance(raw, str) or raw in ("", "FINISH_REASON_UNSPECIFIED"):
        return None
    if raw in _FAILURES:
        # What the model meant to call is lost; an ordinary end would have an agent stop in silence.
        message = text_of(candidate.get("finishMessage"))
        raise BadProviderAnswer(f"the provider's model failed with {raw}" + (f": {message}" if message else ""))
    return raw


def read_finish(raw: str | None) -> Finish:
    """Return the neutral reason for a `finishReason`."""
    return _FINISHES.get(raw or "", Finish.OTHER)


def read_block(body: Json) -> tuple[Finish, str | None, str]:
    """Return why a prompt was not answered: the reason, the provider's word, and its explanation; no word, no block."""
    feedback = body.get("promptFeedback") or {}
    raw = text_of(feedback.get("blockReason")) or None
    return Finish.CONTENT_FILTER, raw, text_of(feedback.get("blockReasonMessage"))


def read_usage(counts: Json | None) -> Usage | None:
    """Return token counts; Gemini counts cached tokens as part of the prompt, and thoughts apart from the answer."""
    if not counts:
        return None
    cached = count_of(counts, "cachedContentTokenCount")
    thoughts = count_of(counts, "thoughtsTokenCount")
    prompt = count_of(counts, "promptTokenCount") + count_of(counts, "toolUsePromptTokenCount")
    return Usage(
        input=max(0, prompt - cached),
        cache_read=cached,
        output=count_of(counts, "candidatesTokenCount") + thoughts,
        reasoning=thoughts,
        tier=_tier(counts),
    )


def _tier(counts: Json) -> str | None:
    """Return the service tier. AI Studio tells it by its name, Vertex AI as a kind of traffic."""
    name = text_of(counts.get("serviceTier")).lower().removeprefix("service_tier_")
    return SERVICE_TIERS.get(name) or TRAFFIC_TIERS.get(text_of(counts.get("trafficType")))


def write_usage(usage: Usage) -> Json:
    """Return token counts as Gemini reports them."""
    made: Json = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": max(0, usage.output - usage.reasoning),
        "totalTokenCount": usage.prompt + usage.output,
    }
    if usage.cache_read:
        made["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        made["thoughtsTokenCount"] = usage.reasoning
    if usage.tier in TIER_WORDS:
        made["serviceTier"] = TIER_WORDS[usage.tier]
    return made


def encode_answer(answer: Answer, options: AnswerOptions) -> Json:
    """Return the answer as Gemini has it."""
    choices = enumerate((answer, *answer.others))
    body: Json = {"candidates": [_written(choice, index, options) for index, choice in choices]}
    if answer.usage:
        body["usageMetadata"] = write_usage(answer.usage)
    return {**body, "modelVersion": answer.model or options.model, "responseId": answer.id or options.id}


def _written(answer: Answer, index: int, options: AnswerOptions) -> Json:
    kept = Kept()
    parts: list[Json] = []
    for block in answer.blocks:
        match block:
            case Text(text=text) if text:
                parts.append(kept.onto({"text": text}))
            case ToolUse():
                parts.append(kept.onto(call_part(block)))
            case Thinking():
                kept.hold(block)
                if block.text and options.include_thoughts:
                    parts.append(thought_part(block.text))
            case RedactedThinking():
                kept.hold(block)
            case _:
                pass
    last = kept.onto({"text": ""})
    if not parts or "thoughtSignature" in last:
        parts.append(last)
    refusal = "".join(block.text for block in answer.blocks if isinstance(block, Refusal))
    texts = [block for block in answer.blocks if isinstance(block, Text)]
    sources = [source for block in texts for source in block.citations]
    tokens = [token for block in texts for token in block.tokens]
    candidate: Json = {"content": {"parts": parts, "role": "model"}}
    return {
        **candidate,
        **write_finish(answer.finish, refusal),
        "index": index,
        **write_citations(sources),
        **write_tokens(tokens),
    }


def thought_part(text: str) -> Json:
    """Return thinking, to be shown."""
    return {"text": text, "thought": True}


def call_part(call: ToolUse) -> Json:
    """Return a call of a tool."""
    return {"functionCall": {"id": call.id, "name": call.name, "args": call.input}}


def write_finish(finish: Finish, refusal: str) -> Json:
    """Return the fields that tell why an answer ended; why a model refuses is told beside the reason."""
    if refusal:
        return {"finishReason": "SAFETY", "finishMessage": refusal}
    return {"finishReason": _FINISH_REASONS[finish]}


def write_citations(sources: Iterable[Citation]) -> Json:
    """Return the field that tells the sources of an answer, if there are any."""
    chunks = [{"web": {"uri": source.url, "title": source.title}} for source in _once(sources)]
    return {"groundingMetadata": {"groundingChunks": chunks}} if chunks else {}


def _once(sources: Iterable[Citation]) -> list[Citation]:
    return list({(source.url, source.title): source for source in sources}.values())


_FAILURES: Final = frozenset(
    {"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE", "TOO_MANY_TOOL_CALLS",
     "UNEXPECTED_TOOL_CALL"}
)  # fmt: skip
_FINISHES: Final[Mapping[str, Finish]] = {
    "STOP": Finish.STOP,
    "MAX_TOKENS": Finish.LENGTH,
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
            "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
        ),
        Finish.CONTENT_FILTER,
    ),
}  # fmt: skip
_FINISH_REASONS: Final[Mapping[Finish, Any]] = {
    Finish.STOP: "STOP",
    Finish.STOP_SEQUENCE: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.TOOL_USE: "STOP",
    Finish.CONTENT_FILTER: "SAFETY",
    Finish.PAUSE: "STOP",
    Finish.CONTEXT_WINDOW: "MAX_TOKENS",
    # Clients warn their users of the word that Google has for it.
    Finish.OTHER: "STOP",
}
