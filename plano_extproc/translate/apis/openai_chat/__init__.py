"""OpenAI's chat completions.

https://platform.openai.com/docs/api-reference/chat
"""

from plano_extproc.translate.apis.openai_chat.answer import decode_answer, encode_answer
from plano_extproc.translate.apis.openai_chat.decode_request import decode_request
from plano_extproc.translate.apis.openai_chat.encode_request import encode_request
from plano_extproc.translate.apis.openai_chat.stream_decoder import ChatStreamDecoder
from plano_extproc.translate.apis.openai_chat.stream_encoder import ChatStreamEncoder
from plano_extproc.translate.codec import Codec

CODEC = Codec(
    api="openai.chat",
    words={
        "output": "response_format",
        "reasoning": "reasoning_effort",
        "citations": "messages[].annotations",
        "cache": "cache_control",
        "cache_ttl": "cache_control.ttl",
        "tools_strict": "tools[].function.strict",
        "thinking": "messages[].reasoning_content",
        "redacted_thinking": "messages[].thinking_blocks",
        "image_detail": "messages[].content[].image_url.detail",
        "json_mode": "response_format",
        "parallel_tools": "parallel_tool_calls",
        "web_search": "web_search_options",
        "web_search_location": "web_search_options.user_location",
    },
    tool_name_limit=64,
    json_mode=True,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_answer=decode_answer,
    encode_answer=encode_answer,
    stream_decoder=ChatStreamDecoder,
    stream_encoder=ChatStreamEncoder,
)
