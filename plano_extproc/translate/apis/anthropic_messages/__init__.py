"""Anthropic's Messages.

https://platform.claude.com/docs/en/api/messages
"""

from plano_extproc.translate.apis.anthropic_messages.answer import decode_answer, encode_answer
from plano_extproc.translate.apis.anthropic_messages.decode_request import decode_request
from plano_extproc.translate.apis.anthropic_messages.encode_request import encode_request
from plano_extproc.translate.apis.anthropic_messages.stream_decoder import MessagesStreamDecoder
from plano_extproc.translate.apis.anthropic_messages.stream_encoder import MessagesStreamEncoder
from plano_extproc.translate.codec import Codec

CODEC = Codec(
    api="anthropic.messages",
    words={
        "stop": "stop_sequences",
        "tools_strict": "tools[].strict",
        "output": "output_config.format",
        "reasoning": "thinking",
        "citations": "messages[].content[].citations",
        "cache": "cache_control",
        "cache_ttl": "cache_control.ttl",
        "thinking": "messages[].content[thinking]",
        "redacted_thinking": "messages[].content[redacted_thinking]",
        "user": "metadata.user_id",
        "parallel_tools": "tool_choice.disable_parallel_tool_use",
        "web_search": "tools[web_search]",
        "web_search_location": "tools[].user_location",
    },
    tool_name_limit=128,
    decode_request=decode_request,
    encode_request=encode_request,
    decode_answer=decode_answer,
    encode_answer=encode_answer,
    stream_decoder=MessagesStreamDecoder,
    stream_encoder=MessagesStreamEncoder,
)
