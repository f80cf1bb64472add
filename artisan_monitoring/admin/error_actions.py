"""What a person may do to groups, from the list and from the page: one table of deeds behind both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.http import HttpRequest
from django.utils import timezone

from ..core.records import AlertSeverity
from ..errors.states import Actor, Resolution, State, Terms, assign, change_state, comment_on, rate

PEOPLE = 200
HOUR = 3_600
MUTES = {
    "forever": "For ever", "3600": "For an hour", "86400": "For a day", "604800": "For a week",
    "2592000": "For 30 days", "volume": "Until it happens so many times",
}  # fmt: skip
PERIODS = {HOUR: "an hour", 24 * HOUR: "a day", 7 * 24 * HOUR: "a week"}
RESOLUTIONS = {
    Resolution.NOW: "Now: any new one is a regression",
    Resolution.RELEASE: "In the release that runs",
    Resolution.NEXT: "In the next release",
}


class DeedForm(forms.Form):
    """What a form of the page sends; fields that a deed does not need stay empty."""

    comment = forms.CharField(required=False, max_length=10_000)
    resolution = forms.ChoiceField(required=False, choices=[(key.value, text) for key, text in RESOLUTIONS.items()])
    mute = forms.ChoiceField(required=False, choices=list(MUTES.items()))
    limit = forms.IntegerField(required=False, min_value=1, max_value=1_000_000_000)
    period = forms.TypedChoiceField(required=False, coerce=int, choices=list(PERIODS.items()))
    severity = forms.ChoiceField(
        required=False, choices=[("", ""), *((each.value, each.value) for each in AlertSeverity)]
    )
    assignee = forms.CharField(required=False, max_length=64)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("limit"):  # whoever writes a number means it, whichever way was chosen above it
            cleaned["mute"] = "volume"
        elif cleaned.get("mute") == "volume":
            self.add_error("limit", "Say how many times.")
        return cleaned


Given = dict[str, Any]
Do = Callable[[Sequence[int], Given, Actor], int]


@dataclass(frozen=True, slots=True)
class Deed:
    """Something to do: what is said when it is done to so many."""

    do: Do
    said: str


def _resolve(pks: Sequence[int], given: Given, actor: Actor) -> int:
    terms = Terms(resolution=given.get("resolution") or Resolution.NOW)
    return change_state(pks, State.RESOLVED, actor, terms=terms, comment=given["comment"])


def _mute(pks: Sequence[int], given: Given, actor: Actor) -> int:
    how = given.get("mute") or "forever"
    terms = Terms()
    if how == "volume":
        terms = Terms(limit=given["limit"], period_s=given["period"] or HOUR)
    elif how != "forever":
        terms = Terms(until=timezone.now() + timedelta(seconds=int(how)))
    return change_state(pks, State.MUTED, actor, terms=terms, comment=given["comment"])


def _reopen(pks: Sequence[int], given: Given, actor: Actor) -> int:
    return change_state(pks, State.OPEN, actor, comment=given["comment"])


def _assign(pks: Sequence[int], given: Given, actor: Actor) -> int:
    wanted = given.get("assignee", "")
    if wanted == "me":
        return assign(pks, actor, actor, comment=given["comment"])
    to = person(wanted) if wanted else Actor()
    return assign(pks, to, actor, comment=given["comment"]) if to is not None else 0


def _rate(pks: Sequence[int], given: Given, actor: Actor) -> int:
    severity = AlertSeverity(given["severity"]) if given.get("severity") else None
    return rate(pks, severity, actor, comment=given["comment"])


def _comment(pks: Sequence[int], given: Given, actor: Actor) -> int:
    return comment_on(pks, given["comment"], actor)


DEEDS = {
    "resolve": Deed(_resolve, "resolved"),
    "mute": Deed(_mute, "muted"),
    "reopen": Deed(_reopen, "reopened"),
    "assign": Deed(_assign, "assigned"),
    "rate": Deed(_rate, "given another severity"),
    "comment": Deed(_comment, "commented on"),
}


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks."""
    return Actor(str(request.user.pk), request.user.get_username())


def people() -> list[Actor]:
    """Return whom an error can be given to: active staff, where the project's user model has the columns to ask for."""
    model = get_user_model()
    try:
        fields = {name: True for name in ("is_staff", "is_active") if model._meta.get_field(name)}
    except FieldDoesNotExist:
        return []
    staff = model._default_manager.filter(**fields).order_by(model.USERNAME_FIELD)[:PEOPLE]
    return [Actor(str(user.pk), user.get_username()) for user in staff]


def person(pk: str) -> Actor | None:
    """Return one of `people()` by key."""
    return next((actor for actor in people() if actor.pk == pk), None)


BULK: dict[str, tuple[str, str, Given]] = {
    "resolve": ("Resolve", "resolve", {}),
    "resolve_release": ("Resolve in the release that runs", "resolve", {"resolution": Resolution.RELEASE}),
    "resolve_next": ("Resolve in the next release", "resolve", {"resolution": Resolution.NEXT}),
    "mute": ("Mute for ever", "mute", {}),
    "mute_day": ("Mute for a day", "mute", {"mute": "86400"}),
    "mute_week": ("Mute for a week", "mute", {"mute": "604800"}),
    "mute_volume": ("Mute until 100 times an hour", "mute", {"mute": "volume", "limit": 100, "period": HOUR}),
    "reopen": ("Reopen", "reopen", {}),
    "assign_me": ("Assign to me", "assign", {"assignee": "me"}),
    "assign_nobody": ("Assign to nobody", "assign", {}),
    "comment": ("Comment", "comment", {}),
    **{
        f"rate_{each.lower()}": (f"Severity: {each.title()}", "rate", {"severity": each.value})
        for each in AlertSeverity
    },
    "rate_by_rule": ("Severity: by the rules", "rate", {}),
}
"""The list's actions: what is said, the deed, what is given with it."""
