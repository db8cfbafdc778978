"""The development model: a deterministic stand-in for a language model, for trying the gateway without a key.

It is not a language model. It answers from a table of rules, says so in every answer, and needs neither
network nor key. It speaks OpenAI chat completions and Anthropic messages, streaming and not, with tools.

    dialects (openai_chat, anthropic_messages)   bytes of a dialect <-> `Ask` and `Answer`
    mind                                         `Ask` -> `Answer`, pure
    app, __main__                                the HTTP server
"""
