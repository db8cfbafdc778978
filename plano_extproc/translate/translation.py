"""The join of two dialects, for one exchange: the client's request goes out, the provider's answer comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson

from plano_extproc.apis import Api
from plano_extproc.errors import BadProviderAnswer, GatewayError, InvalidRequest, NotImplementedYet
from plano_extproc.translate import shape, structured
from plano_extproc.translate.apis import CODECS, PROVIDER_CODECS
from plano_extproc.translate.chat import Answer, Json, Request, Usage
from plano_extproc.translate.codec import WRONG_SHAPE, AnswerOptions, Codec, Framing, ProviderCodec
from plano_extproc.translate.deltas import BlockStart, Delta, Failure, Finished
from plano_extproc.translate.faults import Fault, fault_body, fault_of, read_fault
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.names import fit_tools, renamed
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.several import CHOICES, SeveralStreams


def codec(api: Api) -> Codec:
    """Return the codec of a dialect that clients speak. Raises `NotImplementedYet` for any other."""
    if api not in CODECS:
        raise NotImplementedYet(f"clients of the dialect {api} cannot be served yet; known: {', '.join(CODECS)}")
    return CODECS[api]


def provider_codec(api: Api) -> ProviderCodec:
    """Return the codec of a dialect that providers speak. Raises `NotImplementedYet` for one that is not known."""
    if api not in PROVIDER_CODECS:
        raise NotImplementedYet(f"the dialect {api} cannot be translated yet; known: {', '.join(PROVIDER_CODECS)}")
    return PROVIDER_CODECS[api]


def can_translate(api: Api) -> bool:
    """Tell whether requests can be translated for providers that speak a dialect."""
    return api in PROVIDER_CODECS


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request in the provider's dialect. `dropped` names the caller's fields that the provider does not get.

    `is_stream` says that the provider is asked to stream, for dialects that say so in the path.
    """

    body: bytes
    dropped: tuple[str, ...]
    is_stream: bool = False


class Translation:
    """Translates one exchange. `request` comes first: it remembers what the way back must undo."""

    def __init__(
        self,
        client: Api,
        provider: Api,
        profile: Profile = Profile(),  # noqa: B008 - a frozen value
        *,
        created: int = 0,
        answer_id: str = "",
        is_stream: bool | None = None,
        framing: Framing = "sse",
    ) -> None:
        """Join two different dialects.

        `created` (seconds since 1970) and `answer_id` are told to the client where the provider's answer has none.
        `is_stream` and `framing` are what the path says of the client's stream; None leaves it to the body.
        """
        assert client != provider, "the same dialect on both sides is never translated"
        self._client = codec(client)
        self._provider = provider_codec(provider)
        self._profile = profile
        self._options = AnswerOptions(id=answer_id or "unknown", created=created, framing=framing)
        self._is_stream = is_stream
        self._asks_for_stream = False
        self._tool_names: Mapping[str, str] = {}
        self._is_wrapped = False
        self._has_choices = False

    def request(self, body: Json, model: str) -> Outgoing:
        """Return the request for `model`.

        Raises `InvalidRequest` that names the field of a wrong shape, and the part that the provider cannot take.
        """
        losses = Losses(self._client.words)
        try:
            made = orjson.dumps(self._encode(body, model, losses))
        except (RecursionError, orjson.JSONEncodeError):
            raise InvalidRequest("the body is nested too deeply") from None
        return Outgoing(made, losses.names(), self._asks_for_stream)

    def _encode(self, body: Json, model: str, losses: Losses) -> Json:
        request = replace(self._client.decode_request(body, losses), model=model)
        if self._is_stream is not None:
            request = replace(request, stream=self._is_stream)
        self._options = replace(
            self._options,
            model=model,
            include_usage=request.include_usage,
            include_thoughts=request.include_thoughts,
            asked=body,
        )
        self._asks_for_stream = request.stream
        request = self._without_what_cannot_come_back(request, losses)
        if self._provider.api not in _TAKES_INSTRUCTIONS_ALONE:
            request = _with_a_turn(request)
        if request.output and not (
            self._profile.json_schema and (self._profile.json_schema_beside_tools or not request.tools)
        ):
            request = structured.as_tool(request, losses)
            self._is_wrapped = any(tool.name == structured.JSON_TOOL for tool in request.tools)
        request, self._tool_names = fit_tools(
            request, self._provider.tool_name_limit, lettered=self._provider.lettered_tools
        )
        made = self._provider.encode_request(request, self._profile, losses)
        if not made[shape.TURNS[self._provider.api]]:
            raise shape.refuse(shape.TURNS[self._client.api], "at least one message that says something is required")
        for field in self._profile.refused & made.keys():
            del made[field]
            losses.field(field)
        return self._profile.fit(made, losses) if self._profile.fit else made

    def _without_what_cannot_come_back(self, request: Request, losses: Losses) -> Request:
        if request.json_mode and not self._provider.json_mode:
            losses.field("json_mode")
        if request.stream and "n" in request.knobs:
            if CHOICES.keys() >= {self._client.api, self._provider.api}:
                self._has_choices = True
                return request
            # The deltas of a stream are those of one answer.
            losses.field("n")
            request = replace(request, knobs={key: held for key, held in request.knobs.items() if key != "n"})
        return request

    def told_by(self, headers: Mapping[str, bytes]) -> None:
        """Take from the headers of the answer what its body does not say: Bedrock tells its id there only."""
        if told := headers.get("x-amzn-requestid"):
            self._options = replace(self._options, id=told.decode("latin-1"))

    def response(self, body: bytes) -> bytes:
        """Return a whole answer of status 2xx. Raises `BadProviderAnswer` where the provider's makes no sense."""
        try:
            answer = self._provider.decode_answer(self._provider.parse(body))
            others = tuple(map(self._restored, answer.others))
            answer = replace(self._restored(answer), others=others)
            return orjson.dumps(self._client.encode_answer(answer, self._options))
        except WRONG_SHAPE:
            raise BadProviderAnswer("the provider's answer is not what its API promises") from None

    def _restored(self, answer: Answer) -> Answer:
        if self._is_wrapped:
            answer = structured.unwrapped(answer)
        if self._tool_names:
            answer = replace(answer, blocks=tuple(renamed(block, self._tool_names) for block in answer.blocks))
        return answer

    def is_stream(self, content_type: bytes) -> bool:
        """Tell by its `content-type` whether an answer is to be translated as a stream.

        Where a provider streams although the client wants a whole answer, all of its stream goes to `response`.
        """
        if not self._asks_for_stream:
            return False
        return content_type.partition(b";")[0].strip().lower() == self._provider.stream_type.encode()

    @property
    def stream_type(self) -> str:
        """Return the media type of a stream as the client gets it."""
        return self._client.stream_type if self._options.framing == "sse" else "application/json"

    def stream(self) -> "StreamTranslation | SeveralStreams":
        """Return the translation of a streamed answer, or of several at once."""
        if not self._has_choices:
            return self._one(self._options)
        options = replace(self._options, framing="sse")
        return SeveralStreams(self._client.api, self._provider.api, self._options.framing, lambda: self._one(options))

    def _one(self, options: AnswerOptions) -> "StreamTranslation":
        unwrap = structured.Unwrap() if self._is_wrapped else None
        return StreamTranslation(self._client, self._provider, options, self._tool_names, unwrap)

    def error(self, status: int, body: bytes) -> bytes:
        """Return the provider's error, whatever its form, with its message, and its type where the client knows it."""
        return fault_body(self._client.api, read_fault(status, body))


def _with_a_turn(request: Request) -> Request:
    """Return the request with the last of its instructions as the user's words, where there is nothing else."""
    if not request.messages or any(message.role != "system" for message in request.messages):
        return request
    *before, last = request.messages
    return replace(request, messages=(*before, replace(last, role="user")))


_TAKES_INSTRUCTIONS_ALONE: Final = frozenset({"openai.chat", "openai.responses"})

MAX_STREAM_BYTES: Final = 256 * 1024 * 1024
"""What a provider may send for one streamed answer. Some dialects repeat all of it at the end, so that it is held."""


class StreamTranslation:
    """Translates the bytes of one stream as they come.

    Whatever goes wrong becomes one error event of the client's dialect, and nothing follows it. `finished` tells
    that the answer is complete, `failed` that it never will be; `usage` is what is known of it so far.
    """

    def __init__(
        self,
        client: Codec,
        provider: ProviderCodec,
        options: AnswerOptions,
        tool_names: Mapping[str, str],
        unwrap: structured.Unwrap | None,
    ) -> None:
        """Translate from `provider` to `client`; tools get back the names in `tool_names`."""
        self._frames = provider.frames()
        self._decoder = provider.stream_decoder()
        self._encoder = client.stream_encoder(options)
        self._tool_names = tool_names
        self._unwrap = unwrap
        self._size = 0
        self.finished = False
        self.failed = False

    @property
    def usage(self) -> Usage | None:
        """Return the token counts that the provider has told."""
        return self._decoder.usage

    def feed(self, chunk: bytes, end: bool) -> bytes:
        """Return what the client is to get for `chunk`; empty swallows it. `end` says that nothing follows."""
        out: list[bytes] = []
        try:
            self._read(chunk, end, out)
        except BadProviderAnswer as error:
            out.append(self._fail(fault_of(error)))
        except WRONG_SHAPE:
            out.append(self._fail(Fault("the provider sent an event that its API does not know", 502, "api_error")))
        return b"".join(out)

    def fail(self, error: GatewayError) -> bytes:
        """Return the event for an error from elsewhere, such as a broken content encoding; empty after the end."""
        return b"" if self.finished or self.failed else self._fail(fault_of(error))

    def _read(self, chunk: bytes, end: bool, out: list[bytes]) -> None:
        if self.finished or self.failed:
            return
        self._size += len(chunk)
        if self._size > MAX_STREAM_BYTES:
            raise BadProviderAnswer(f"the provider's stream is longer than {MAX_STREAM_BYTES} bytes")
        for event in self._frames.feed(chunk):
            self._write(self._decoder.take(event), out)
            if self.finished or self.failed:
                return
        if end:
            for event in self._frames.end():
                self._write(self._decoder.take(event), out)
            if not (self.finished or self.failed):
                self._write(self._decoder.end(), out)

    def _write(self, deltas: list[Delta], out: list[bytes]) -> None:
        for delta in deltas:
            if self._unwrap:
                delta = self._unwrap.take(delta)
            if isinstance(delta, BlockStart) and delta.name in self._tool_names:
                delta = replace(delta, name=self._tool_names[delta.name])
            out.append(self._encoder.take(delta))
            if isinstance(delta, Finished):
                self.finished = True
            elif isinstance(delta, Failure):
                self.failed = True

    def _fail(self, fault: Fault) -> bytes:
        self.failed = True
        return self._encoder.take(Failure(fault))
