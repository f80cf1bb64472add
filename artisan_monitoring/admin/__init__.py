"""The admin: one file per feature, imported here so that Django's autodiscovery registers them all."""

from __future__ import annotations

from . import alerts as alerts
from . import deploys as deploys
from . import error_events as error_events
from . import errors as errors
from . import jobs as jobs
from . import metrics as metrics
from . import overview as overview
from . import security as security
