"""Every dialect of LLM APIs in bytes and JSON: requests out, answers back, and errors. No I/O and no clock.

Dialects meet in the neutral model of `chat` and, when they stream, in the events of `deltas`; `apis` holds one
package for each dialect, and `translation` joins two of them.
"""

from plano_extproc.translate.call_ids import with_plain_ids
from plano_extproc.translate.codec import Codec
from plano_extproc.translate.completions import Completions, CompletionsStream, as_chat
from plano_extproc.translate.families import profile_for
from plano_extproc.translate.faults import error_body, error_event
from plano_extproc.translate.foreign import without_foreign
from plano_extproc.translate.framing.content import ContentDecoder
from plano_extproc.translate.joined import Joining
from plano_extproc.translate.last_event import LastEvent
from plano_extproc.translate.losses import Losses
from plano_extproc.translate.profile import Profile
from plano_extproc.translate.renamed import Renamed, RenamedStream
from plano_extproc.translate.shape import request_shape
from plano_extproc.translate.translation import (
    Outgoing,
    StreamTranslation,
    Translation,
    can_translate,
    codec,
    provider_codec,
)

__all__ = [
    "Codec",
    "Completions",
    "CompletionsStream",
    "ContentDecoder",
    "Joining",
    "LastEvent",
    "Losses",
    "Outgoing",
    "Profile",
    "Renamed",
    "RenamedStream",
    "StreamTranslation",
    "Translation",
    "as_chat",
    "can_translate",
    "codec",
    "error_body",
    "error_event",
    "profile_for",
    "provider_codec",
    "request_shape",
    "with_plain_ids",
    "without_foreign",
]
