"""The dialects that can be translated, one package each."""

from collections.abc import Mapping
from typing import Final

from plano_extproc.apis import Api
from plano_extproc.translate.apis import (
    anthropic_messages,
    bedrock_converse,
    gemini_generate,
    openai_chat,
    openai_responses,
)
from plano_extproc.translate.codec import Codec, ProviderCodec

CODECS: Final[Mapping[Api, Codec]] = {
    made.api: made
    for made in (openai_chat.CODEC, anthropic_messages.CODEC, openai_responses.CODEC, gemini_generate.CODEC)
}
"""Those that clients speak to us, and providers too."""

PROVIDER_CODECS: Final[Mapping[Api, ProviderCodec]] = {**CODECS, "bedrock.converse": bedrock_converse.CODEC}
"""Those that providers speak."""
