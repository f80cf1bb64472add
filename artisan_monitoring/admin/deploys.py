"""Deploy marks in the admin: which release ran from when, in which environment."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Deploy
from .base import ReadOnlyAdmin, badge


@admin.register(Deploy)
class DeployAdmin(ReadOnlyAdmin[Deploy]):
    """Read the marks. They are made by `monitoring_deploy`, or by a process that runs a new release."""

    list_display = ("release_shown", "environment", "at", "by", "note", "how")
    list_filter = ("environment", "noticed", "at")
    search_fields = ("release", "by", "note")
    search_help_text = _("Release, who deployed it, or note")
    ordering = ("-at", "-pk")
    fields = ("release", "environment", "at", "by", "note", "how", "repeat")
    readonly_fields = ("how",)

    @admin.display(description=_("release"), ordering="release")
    def release_shown(self, deploy: Deploy) -> str:
        return f"{deploy.release} ({_('again')})" if deploy.repeat else deploy.release

    @admin.display(description=_("how"), ordering="noticed")
    def how(self, deploy: Deploy) -> SafeString:
        """Say whether somebody marked it, or a process did by itself."""
        return badge(str(_("noticed")), "quiet") if deploy.noticed else badge(str(_("said")), "low")
