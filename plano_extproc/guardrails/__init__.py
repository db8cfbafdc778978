"""Is this text allowed? Guards on requests and answers, all of them local but moderation.

`check` looks at whole requests and answers, `Windows` at an answer that streams.
"""
