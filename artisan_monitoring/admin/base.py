"""The shared base of this app's admin pages: rows to read, never to edit, with named actions as the only change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

M = TypeVar("M", bound=Model)

if TYPE_CHECKING:

    class TypedModelAdmin(admin.ModelAdmin[M]):
        """`ModelAdmin` that may be subscripted."""

else:

    class TypedModelAdmin(admin.ModelAdmin, Generic[M]):
        """`ModelAdmin` that may be subscripted; Django's own may not at run time."""


class ReadOnlyAdmin(TypedModelAdmin[M]):
    """Show rows and let nobody add, edit or delete them.

    What a person may do is an action: `@admin.action(permissions=["act"])` is offered to whoever holds the model's
    change permission. Usable alone (`ReadOnlyAdmin[Alert]`) or in front of another `ModelAdmin`.
    """

    list_per_page = 50
    # Each page would otherwise count the whole table once more, unfiltered: 100,000 rows for a number nobody reads.
    show_full_result_count = False

    class Media:
        css = {"all": ("artisan_monitoring/admin.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Allow who may view or change the model; `has_change_permission` is no help here, it always says no."""
        return self._user_may(request, "view") or self._user_may(request, "change")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Tell whether this user may run the actions that name `permissions=["act"]`."""
        return self._user_may(request, "change")

    def _user_may(self, request: HttpRequest, verb: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{verb}_{self.opts.model_name}")


def badge(text: str, tone: str = "quiet") -> SafeString:
    """Return a small coloured label; `tone` is low, medium, high, critical, good or quiet (see admin.css)."""
    return format_html('<span class="am-badge am-{}">{}</span>', tone.lower(), text)
