"""Does a secret come out? Requests, errors and logs that hold each one are driven, and all that leaves is searched.

Everything runs against a scratch database that is thrown away, with the log handlers diverted and the project's own
databases rolled back: so nothing is left behind, and what does leak leaks nowhere.
"""

from __future__ import annotations

from .run import Finding, run

__all__ = ["Finding", "run"]
