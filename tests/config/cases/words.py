"""How the files of the cases begin."""

Cases = dict[str, list[tuple[str, list[str]]]]
"""By the name of a check: files, and the problems that are found in each."""

HEAD = "version: v0.5.0\n"
OLD = "version: v0.4.0\n"
TWO = "model_providers: [{model: openai/gpt-4o, access_key: k}, {model: anthropic/claude, access_key: k, name: main}]\n"
ALL = "model_providers: [{model: openai/*, access_key: k}]\n"
