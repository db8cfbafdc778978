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
