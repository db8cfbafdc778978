"""Amazon Bedrock's Converse and ConverseStream, which providers speak to us and clients do not.

The model stands in the path, and so does the wish for a stream.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from plano_extproc.translate.apis.bedrock_converse.answer import decode_answer
from plano_extproc.translate.apis.bedrock_converse.encode_request import encode_request
from plano_extproc.translate.apis.bedrock_converse.stream_decoder import ConverseStreamDecoder
from plano_extproc.translate.codec import ProviderCodec
from plano_extproc.translate.framing.aws import EventStreamParser

CODEC = ProviderCodec(
    api="bedrock.converse",
    tool_name_limit=64,
    encode_request=encode_request,
    decode_answer=decode_answer,
    stream_decoder=ConverseStreamDecoder,
    stream_type="application/vnd.amazon.eventstream",
    frames=EventStreamParser,
)
