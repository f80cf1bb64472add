"""Deploy marks: one row for each release of an environment, and one more where it is deployed again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Deploy(models.Model):
    """The moment from which a release ran. `repeat` is 0, and higher where it came back, as after a roll-back."""

    environment = models.CharField(_("environment"), max_length=64)
    release = models.CharField(_("release"), max_length=100)
    repeat = models.PositiveSmallIntegerField(_("times before"), default=0)
    at = models.DateTimeField(_("at"))
    by = models.CharField(_("by"), max_length=100, blank=True, default="", help_text=_("Who or what deployed it."))
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    noticed = models.BooleanField(
        _("noticed"), default=False, help_text=_("Made by itself, when a process with a new RELEASE began to report.")
    )

    class Meta:
        app_label = "artisan_monitoring"
        verbose_name = _("deploy")
        verbose_name_plural = _("deploys")
        ordering: ClassVar[list[str]] = ["-at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["environment", "release", "repeat"], name="artisan_deploy_release"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["environment", "at"], name="artisan_deploy_at"),
        ]

    def __str__(self) -> str:
        return f"{self.release} in {self.environment}"
