"""The texts in requests, answers and streams: read by guards and filters, and replaced by them.

`request_places` and `answer_places` list the texts of a body, `replaced` and `replaced_answer` put others in their
places, and `TextStream` does both while an answer streams.
"""

from plano_extproc.translate.texts.answers import answer_places, replaced_answer
from plano_extproc.translate.texts.channels import Channel, WindowFor
from plano_extproc.translate.texts.place import Kind, Path, Place, Role, replaced
from plano_extproc.translate.texts.requests import request_places, unreadable
from plano_extproc.translate.texts.streams import TextStream
from plano_extproc.translate.texts.windows import Chain, JsonWindow, Window, whole

__all__ = [
    "Chain",
    "Channel",
    "JsonWindow",
    "Kind",
    "Path",
    "Place",
    "Role",
    "TextStream",
    "Window",
    "WindowFor",
    "answer_places",
    "replaced",
    "replaced_answer",
    "request_places",
    "unreadable",
    "whole",
]
