"""Connects security monitoring to Django and to the pipeline: called once, when the apps are ready."""

from __future__ import annotations

from django.apps import apps

from ..pipeline.buffer import buffer
from ..pipeline.purge import register_purge
from ..pipeline.sinks import register_sink
from . import inspection, refusals


def connect() -> None:
    """Register the sinks and purges, and listen to log-ins and to what Django refuses."""
    register_sink("security", "artisan_monitoring.security.sink.apply")
    register_sink("activity", "artisan_monitoring.security.activity.apply")
    register_purge("security_events", "artisan_monitoring.security.purge.purge_events")
    register_purge("user_activity", "artisan_monitoring.security.purge.purge_activity")
    refusals.attach()
    if inspection.compile_all not in buffer.samplers:
        buffer.samplers.append(inspection.compile_all)
    if apps.is_installed("django.contrib.auth"):
        from django.contrib.auth.signals import user_logged_in, user_login_failed

        from . import logins

        user_login_failed.connect(logins.on_login_failed, dispatch_uid="artisan_monitoring.login_failed")
        user_logged_in.connect(logins.on_logged_in, dispatch_uid="artisan_monitoring.logged_in")
