"""Google's Gemini, in AI Studio and in Vertex: `generateContent` and `streamGenerateContent`.

https://ai.google.dev/api/generate-content
"""

from functools import partial

from plano_extproc.translate.apis.gemini_generate.answer import decode_answer, encode_answer
from plano_extproc.translate.apis.gemini_generate.decode_request import decode_request
from plano_extproc.translate.apis.gemini_generate.encode_request import encode_request
from plano_extproc.translate.apis.gemini_generate.stream_decoder import GenerateStreamDecoder
from plano_extproc.translate.apis.gemini_generate.stream_encoder import GenerateStreamEncoder
from plano_extproc.translate.codec import Codec
from plano_extproc.translate.framing.sse import SseParser

CODEC = Codec(
    api="gemini.generate",
    words={
        "max_tokens": "generationConfig.maxOutputTokens",
        "temperature": "generationConfig.temperature",
        "top_p": "generationConfig.topP",
        "top_k": "generationConfig.topK",
        "stop": "generationConfig.stopSequences",
        "output": "generationConfig.responseJsonSchema",
        "json_mode": "generationConfig.responseMimeType",
        "reasoning": "generationConfig.thinkingConfig",
        "image_detail": "generationConfig.mediaResolution",
        "logprobs": "generationConfig.responseLogprobs",
        "top_logprobs": "generationConfig.logprobs",
        "n": "generationConfig.candidateCount",
        "seed": "generationConfig.seed",
        "presence_penalty": "generationConfig.presencePenalty",
        "frequency_penalty": "generationConfig.frequencyPenalty",
        "service_tier": "serviceTier",
        "tool_choice": "toolConfig.functionCallingConfig",
        "web_search": "tools[googleSearch]",
        "thinking": "contents[].parts[].thought",
        "redacted_thinking": "contents[].parts[].thoughtSignature",
    },
    tool_name_limit=64,
    lettered_tools=True,
    json_mode=True,
    frames=partial(SseParser, keeps_strays=True),
    decode_request=decode_request,
    encode_request=encode_request,
    decode_answer=decode_answer,
    encode_answer=encode_answer,
    stream_decoder=GenerateStreamDecoder,
    stream_encoder=GenerateStreamEncoder,
)
