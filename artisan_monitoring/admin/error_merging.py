"""How errors are grouped, in the admin: merge groups, split fingerprints off, undo either, each after a page that asks.

A mixin in front of the admin of groups: it brings the action, the pages with their addresses, and lets the address of a
group that was merged lead to the one it went into.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from ..errors.merging import MOST, CannotRegroup, can_undo, merge, merged_into, split, undo
from ..errors.states import Actor
from ..models.errors import ErrorActivity, ErrorGroup, Grouping
from . import error_regrouping
from .base import ReadOnlyAdmin

if TYPE_CHECKING:
    _Base = ReadOnlyAdmin[ErrorGroup]
else:
    _Base = object

STEPS = 30
FINGERPRINTS = 200
_PAGE = "admin:artisan_monitoring_errorgroup_change"
_GROUPING = "admin:artisan_monitoring_errorgroup_grouping"


class _Reason(forms.Form):
    comment = forms.CharField(required=False, max_length=2_000)


class MergeForm(_Reason):
    """Which groups become one, and which of them it is."""

    groups = forms.TypedMultipleChoiceField(coerce=int)
    target = forms.TypedChoiceField(coerce=int)

    def __init__(self, data: Any, pks: Sequence[int]) -> None:
        super().__init__(data)
        for name in ("groups", "target"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(pk, str(pk)) for pk in pks]


class SplitForm(_Reason):
    """Which fingerprints become a group of their own."""

    fingerprints = forms.TypedMultipleChoiceField(coerce=int)

    def __init__(self, data: Any, pks: Sequence[int]) -> None:
        super().__init__(data)
        field = self.fields["fingerprints"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(pk, str(pk)) for pk in pks]


class GroupingActions(_Base):
    """The pages and the action about grouping, for `ErrorGroupAdmin`."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ErrorGroup | None:
        """Return the group, or the one that it was merged into."""
        group = super().get_object(request, object_id, from_field)
        if group is None and object_id.isascii() and object_id.isdigit() and len(object_id) < 19:
            target = merged_into(int(object_id))
            group = super().get_object(request, str(target), from_field) if target is not None else None
        return group

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("merge/", "merge", self.merge_view),
            ("regroup/", "regroup", self.regroup_view),
            ("<int:pk>/grouping/", "grouping", self.grouping_view),
            ("<int:pk>/grouping/undo/<int:activity>/", "undo", self.undo_view),
        )
        name = "artisan_monitoring_errorgroup"
        return [
            *(path(route, self.admin_site.admin_view(view), name=f"{name}_{suffix}") for route, suffix, view in pages),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_act_permission(request):
            name = "merge_selected"
            actions[name] = (type(self).merge_selected, name, "Merge…")
        return actions

    @admin.action(description="Merge…", permissions=["act"])
    def merge_selected(self, request: HttpRequest, groups: QuerySet[ErrorGroup]) -> HttpResponse | None:
        """Lead to the page that asks which of the chosen groups the others go into."""
        pks = list(groups.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
        if not 1 < len(pks) <= MOST:
            self.message_user(request, f"Choose 2 to {MOST} groups to merge.", messages.WARNING)
            return None
        chosen = ",".join(map(str, pks))
        return HttpResponseRedirect(f"{reverse('admin:artisan_monitoring_errorgroup_merge')}?groups={chosen}")

    # -- pages --------------------------------------------------------------------------------------------------------

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        """Ask which group the others go into and why, and merge."""
        self._demand_act(request)
        asked = request.GET.get("groups", "").split(",")
        pks = [int(each) for each in asked[:MOST] if each.isascii() and each.isdigit() and len(each) < 19]
        groups = list(ErrorGroup.objects.filter(pk__in=pks).order_by("-count", "pk"))
        if len(groups) < 2:
            self.message_user(request, "Fewer than two of these groups are still there.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:artisan_monitoring_errorgroup_changelist"))
        if request.method == "POST":
            form = MergeForm(request.POST, [group.pk for group in groups])
            if form.is_valid():
                target, comment = form.cleaned_data["target"], form.cleaned_data["comment"]
                if self._does(
                    request, lambda: merge(target, form.cleaned_data["groups"], _actor(request), comment=comment)
                ):
                    return HttpResponseRedirect(reverse(_GROUPING, args=[target]))
            else:
                self.message_user(request, "Choose the groups, and the one that they go into.", messages.ERROR)
        return self._page(
            request, "merge.html", "Merge errors", groups=groups, sum=sum(group.count for group in groups)
        )

    def grouping_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a group's fingerprints, what was merged and split, and take fingerprints out of it."""
        group = self._wanted(request, pk)
        fingerprints = list(Grouping.objects.filter(group=group).order_by("pk")[:FINGERPRINTS])
        if request.method == "POST":
            self._demand_act(request)
            form = SplitForm(request.POST, [each.pk for each in fingerprints])
            if not form.is_valid():
                self.message_user(request, "Choose the fingerprints to split off.", messages.ERROR)
            elif self._does(
                request,
                lambda: split(
                    group.pk, form.cleaned_data["fingerprints"], _actor(request), comment=form.cleaned_data["comment"]
                ),
            ):
                return HttpResponseRedirect(reverse(_GROUPING, args=[group.pk]))
        return self._page(
            request,
            "grouping.html",
            "How this error is grouped",
            group=group,
            fingerprints=[_shown(each, group, len(fingerprints)) for each in fingerprints],
            steps=_steps(group),
            may_act=self.has_act_permission(request),
        )

    def undo_view(self, request: HttpRequest, pk: int, activity: int) -> HttpResponse:
        """Take a merge or split back."""
        self._demand_act(request)
        group = self._wanted(request, pk)
        if request.method == "POST":
            form = _Reason(request.POST)
            comment = form.cleaned_data["comment"] if form.is_valid() else ""
            self._does(request, lambda: undo(activity, _actor(request), comment=comment))
        return HttpResponseRedirect(reverse(_GROUPING, args=[group.pk]))

    def regroup_view(self, request: HttpRequest) -> HttpResponse:
        """Show what other rules would regroup."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = error_regrouping.page(request.GET, timezone.now())
        return self._page(request, "regroup.html", "What would other rules regroup?", **context)

    # -- what they share ----------------------------------------------------------------------------------------------

    def _does(self, request: HttpRequest, deed: Any) -> bool:
        """Do it, and say what was done or why it cannot be."""
        try:
            activity: ErrorActivity = deed()
        except CannotRegroup as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return False
        self.message_user(request, told(activity), messages.SUCCESS)
        return True

    def _demand_act(self, request: HttpRequest) -> None:
        if not self.has_act_permission(request):
            raise PermissionDenied

    def _wanted(self, request: HttpRequest, pk: object) -> ErrorGroup:
        group = self.get_object(request, str(pk))
        if not self.has_view_permission(request, group):
            raise PermissionDenied
        if group is None:
            raise Http404
        return group

    def _page(self, request: HttpRequest, template: str, title: str, **context: object) -> HttpResponse:
        request.current_app = self.admin_site.name
        shell = self.admin_site.each_context(request)
        full = {**shell, "opts": self.opts, "media": self.media, "title": title, **context}
        return TemplateResponse(request, f"admin/artisan_monitoring/errorgroup/{template}", full)


def told(activity: ErrorActivity) -> str:
    """Return what a merge, split or undo did, in a sentence or two."""
    details = activity.details
    if activity.kind == ErrorActivity.Kind.MERGED:
        said = f"Merged with {_named(len(details['groups']), 'other group')}."
    elif activity.kind == ErrorActivity.Kind.SPLIT and "origin" in details:
        said = "Split off from another group."
    elif activity.kind == ErrorActivity.Kind.SPLIT:
        said = f"{_named(len(details['groupings']), 'fingerprint')} split off into a group of their own."
    else:
        said = "Undone."
    if details.get("unclear"):
        said += f" Of what came before, {details['unclear']:,} occurrences could not be told apart by fingerprint."
    if details.get("elsewhere"):
        said += f" {_named(details['elsewhere'], 'fingerprint')} had been moved on meanwhile and stayed there."
    return said


def _named(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _shown(grouping: Grouping, group: ErrorGroup, of: int) -> dict[str, object]:
    """Return a fingerprint as its page shows it; alone, all of the group's count is its own."""
    tally = grouping.tally
    count = group.count if of == 1 else tally["count"] if tally is not None else None
    return {
        "pk": grouping.pk,
        "name": f"v{grouping.version} {grouping.hash[:12]}",
        "components": grouping.components,
        "title": f"{tally['type']}: {tally['message']}"[:200] if tally is not None else str(group),
        "count": None if count is None else f"{count:,}",
    }


def _steps(group: ErrorGroup) -> list[dict[str, object]]:
    kinds = (ErrorActivity.Kind.MERGED, ErrorActivity.Kind.SPLIT, ErrorActivity.Kind.UNDONE)
    activities = ErrorActivity.objects.filter(group=group, kind__in=kinds)[:STEPS]
    return [
        {
            "activity": activity,
            "told": told(activity),
            "groups": activity.details.get("groups", []),
            "into": activity.details.get("into") or activity.details.get("origin"),
            "undone": "undone" in activity.details,
            "can_undo": can_undo(activity),
        }
        for activity in activities
    ]


def _actor(request: HttpRequest) -> Actor:
    return Actor(str(request.user.pk), request.user.get_username())
