"""OpenAI's Responses.

https://platform.openai.com/docs/api-reference/responses
"""

from plano_extproc.translate.apis.openai_responses.answer import decode_answer, encode_answer, parse_answer
from plano_extproc.translate.apis.openai_responses.decode_request import decode_request
from plano_extproc.translate.apis.openai_responses.encode_request import encode_request
from plano_extproc.translate.apis.openai_responses.stream_decoder import ResponsesStreamDecoder
from plano_extproc.translate.apis.openai_responses.stream_encoder import ResponsesStreamEncoder
from plano_extproc.translate.codec import Codec

CODEC = Codec(
    api="openai.responses",
    words={
        "output": "text.format",
        "json_mode": "text.format",
        "max_tokens": "max_output_tokens",
        "reasoning": "reasoning.effort",
        "citations": "input[].content[].annotations",
        "logprobs": "include[message.output_text.logprobs]",
        "cache": "prompt_cache_breakpoint",
        "tools_strict": "tools[].strict",
        "thinking": "input[reasoning]",
        "redacted_thinking": "input[reasoning]",
        "image_detail": "input[].content[].detail",
        "verbosity": "text.verbosity",
        "parallel_tools": "parallel_tool_calls",
        "web_search": "tools[web_search]",
        "web_search_location": "tools[].user_location",
    },
    tool_name_limit=64,
    json_mode=True,
    parse=parse_answer,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_answer=decode_answer,
    encode_answer=encode_answer,
    stream_decoder=ResponsesStreamDecoder,
    stream_encoder=ResponsesStreamEncoder,
)
