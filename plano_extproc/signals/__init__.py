"""What a conversation tells about itself: whether it goes well, whether agents loop, whether services are exhausted.

`Conversations` reads the requests of one worker, new messages only, and gives a `Report` for each; `export` puts a
report into spans, counters and the access log. The taxonomy is that of https://arxiv.org/abs/2604.00356.
"""

from plano_extproc.signals.conversations import Conversations, Mode
from plano_extproc.signals.export import access_log_fields, counted, is_flagged, span_attributes, span_events
from plano_extproc.signals.taxonomy import TYPES, Quality, Report, Signal

__all__ = [
    "TYPES",
    "Conversations",
    "Mode",
    "Quality",
    "Report",
    "Signal",
    "access_log_fields",
    "counted",
    "is_flagged",
    "span_attributes",
    "span_events",
]
