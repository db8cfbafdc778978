"""Who may call, and how much: client keys, rate limits, budgets and the record of what was used.

Everything here is pure. `Admission` is the whole of it for one configuration; `plano_extproc.stores.quota` asks the
store that workers share.
"""

from plano_extproc.limits.admit import Admission
from plano_extproc.limits.claims import Charge, Claim, Sum, Taken
from plano_extproc.limits.estimate import Estimate, estimate
from plano_extproc.limits.refusals import LimitReached
from plano_extproc.limits.wants import Served, Wants

__all__ = [
    "Admission",
    "Charge",
    "Claim",
    "Estimate",
    "LimitReached",
    "Served",
    "Sum",
    "Taken",
    "Wants",
    "estimate",
]
