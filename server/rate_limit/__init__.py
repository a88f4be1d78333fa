"""What each caller may spend: an operation's cost is held before it runs and settled after it.

`buckets` decide, alone and in memory. The `ledger` tells Redis what was spent, many buckets in one
trip, and hears what the other processes let the same callers spend. `callers` says whose buckets
an operation is paid from.
"""

from server.rate_limit.bucket import Size
from server.rate_limit.callers import Sizes
from server.rate_limit.rate_limits import Allowances, Held, Short
from server.rate_limit.shared_ledger import Ledger

__all__ = ["Allowances", "Held", "Ledger", "Short", "Size", "Sizes"]
