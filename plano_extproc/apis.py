"""The dialects of LLM APIs, by name. `<vendor>.<API>`, as configuration, goldens and metrics spell them."""

from typing import Final, Literal, get_args

Api = Literal[
    "openai.chat",
    "openai.responses",
    "anthropic.messages",
    "bedrock.converse",
    "gemini.generate",
]

ALL: Final[tuple[Api, ...]] = get_args(Api)

BY_PATH: Final[dict[str, Api]] = {
    "/v1/chat/completions": "openai.chat",
    "/v1/messages": "anthropic.messages",
    "/v1/responses": "openai.responses",
}
"""The paths on which clients speak a dialect to us."""

COUNT_TOKENS: Final = "/v1/messages/count_tokens"

GEMINI_PREFIX: Final = "/v1beta/models/"
"""Below it a client of Gemini's names its model and the method: `{model}:generateContent`."""

GEMINI_METHODS: Final[dict[str, bool]] = {"generateContent": False, "streamGenerateContent": True}
"""The methods, and whether their answers are streams."""
