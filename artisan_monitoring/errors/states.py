"""What people (and the machine) decide about a group: resolved, muted, open again; each change is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import router, transaction
from django.utils import timezone

from ..models.errors import ErrorActivity, ErrorGroup

State = ErrorGroup.State
Kind = ErrorActivity.Kind

_KINDS = {State.RESOLVED: Kind.RESOLVED, State.MUTED: Kind.MUTED, State.OPEN: Kind.REOPENED}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: no relation to the user's row, which may go."""

    pk: str = ""
    label: str = ""


def change_state(
    group_ids: Iterable[int], state: ErrorGroup.State, actor: Actor, *, comment: str = "", now: datetime | None = None
) -> int:
    """Put groups into a state, with an activity row for each that was in another one; return how many were."""
    now = now or timezone.now()
    alias = router.db_for_write(ErrorGroup)
    with transaction.atomic(using=alias):
        groups = ErrorGroup.objects.using(alias).filter(pk__in=list(group_ids)).exclude(state=state)
        changed = sorted(groups.values_list("pk", flat=True))
        ErrorGroup.objects.using(alias).filter(pk__in=changed).update(state=state, state_changed_at=now)
        ErrorActivity.objects.using(alias).bulk_create(
            ErrorActivity(
                group_id=pk,
                kind=_KINDS[state],
                at=now,
                by_pk=actor.pk[:64],
                by_label=actor.label[:150],
                comment=comment,
            )
            for pk in changed
        )
    return len(changed)
