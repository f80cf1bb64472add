"""Errors: a group of alike ones, the fingerprints that lead to it, full samples, counts per hour, what people did."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ..core.records import AlertSeverity

if TYPE_CHECKING:
    _Binary = models.BinaryField[Any, Any]
else:
    _Binary = models.BinaryField  # generic in the stubs only


class PackedJSONField(_Binary):
    """JSON as zlib-compressed UTF-8: a stack with source and locals shrinks from ~20 kB to ~5.

    Not searchable, which is why whatever a list filters on has a column of its own.
    """

    def get_prep_value(self, value: object) -> bytes:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        # A lone surrogate is no UTF-8: its escape is what JSON calls it.
        return zlib.compress(text.encode("utf-8", "backslashreplace"), 6)

    def from_db_value(self, value: bytes | memoryview, expression: object, connection: BaseDatabaseWrapper) -> Any:
        return json.loads(zlib.decompress(value))

    def to_python(self, value: object) -> object:
        """Take what `dumpdata` wrote."""
        return json.loads(value) if isinstance(value, str) else value

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj))


SEVERITIES = [(severity.value, severity.value.title()) for severity in AlertSeverity]


class Unmerged(models.Manager["ErrorGroup"]):
    """The groups that are there for people: not what was left of those that were merged into another."""

    def get_queryset(self) -> models.QuerySet[ErrorGroup]:
        # By the state, which every index of the listing begins with: a count stays in the index.
        return super().get_queryset().exclude(state=ErrorGroup.MERGED)


class ErrorGroup(models.Model):
    """All errors that are the same problem. `message`, `culprit` and `last_release` are those of the latest one."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        REGRESSED = "regressed", "Regressed"
        RESOLVED = "resolved", "Resolved"
        MUTED = "muted", "Muted"

    MERGED = "merged"
    """The state of what was merged into another group: none that anybody is shown or may choose."""

    class Resolution(models.TextChoices):
        NOW = "now", "Now"
        RELEASE = "release", "In this release"
        NEXT = "next", "In the next release"

    type = models.CharField(max_length=200)
    message = models.CharField(max_length=1000, blank=True)
    culprit = models.CharField(max_length=255, blank=True)
    severity = models.CharField(max_length=8, choices=SEVERITIES, default=AlertSeverity.MEDIUM.value)
    severity_fixed = models.BooleanField(default=False, help_text="A person chose the severity: no rule changes it.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    state_changed_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=8, choices=Resolution.choices, blank=True)
    resolved_release = models.CharField(max_length=100, blank=True, help_text="What `resolution` speaks of.")
    muted_until = models.DateTimeField(null=True, blank=True)
    mute_limit = models.PositiveIntegerField(default=0, help_text="Opens again at so many within `mute_period_s`.")
    mute_period_s = models.PositiveIntegerField(default=0)
    mute_counted = models.JSONField(default=list, blank=True, editable=False)
    assignee_pk = models.CharField(max_length=64, blank=True)
    assignee_label = models.CharField(max_length=150, blank=True)
    count = models.PositiveBigIntegerField(default=0)
    users = models.PositiveIntegerField(default=0, help_text="Estimate of distinct users; exact up to 64.")
    users_sketch = models.TextField(blank=True, editable=False)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    first_release = models.CharField(max_length=100, blank=True)
    last_release = models.CharField(max_length=100, blank=True)
    environment = models.CharField(max_length=64, blank=True)
    mechanism = models.CharField(max_length=40, blank=True, help_text="What saw it: request, celery, track_error, ...")
    logger = models.CharField(max_length=120, blank=True)
    handled = models.BooleanField(default=False)
    # No constraint: what was merged goes with its own retention, after the group it went into or before.
    merged_into = models.ForeignKey(
        "self", models.DO_NOTHING, null=True, blank=True, db_constraint=False, editable=False, related_name="merged"
    )
    merged_at = models.DateTimeField(null=True, blank=True, editable=False)

    samples = models.PositiveIntegerField(default=0, help_text="Samples ever kept; some are gone by now.")
    search = models.TextField(blank=True, editable=False, help_text="In small letters: see errors.finding.")

    objects = Unmerged()
    everything: models.Manager[ErrorGroup] = models.Manager()

    class Meta:
        ordering = ["-last_seen", "-pk"]
        # The listing's default order, and by count, each with and without the state filter; its others; similar groups.
        indexes = [
            models.Index(fields=["state", "-last_seen"], name="artisan_group_state_seen"),
            models.Index(fields=["-last_seen"], name="artisan_group_seen"),
            models.Index(fields=["state", "-count"], name="artisan_group_state_count"),
            models.Index(fields=["-count"], name="artisan_group_count"),
            models.Index(fields=["-users"], name="artisan_group_users"),
            models.Index(fields=["-first_seen"], name="artisan_group_first"),
            models.Index(fields=["type", "-last_seen"], name="artisan_group_type_seen"),
            models.Index(fields=["culprit", "-last_seen"], name="artisan_group_culprit_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.type}: {self.message}"[:200] if self.message else self.type


class Grouping(models.Model):
    """One fingerprint that leads to a group: several may, so that merging only repoints rows.

    `tally` is this fingerprint's own part of the group's counts (see `errors.tallies`), kept while the group has
    others: so a merge can be taken back exactly. Without it, the group's counts are this fingerprint's.
    """

    group = models.ForeignKey(ErrorGroup, on_delete=models.CASCADE, related_name="groupings")
    version = models.PositiveSmallIntegerField()
    hash = models.CharField(max_length=64)
    components = models.JSONField(default=list, help_text="What was hashed, readable.")
    tally = models.JSONField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hash", "version"], name="artisan_grouping_once")]

    def __str__(self) -> str:
        return f"v{self.version} {self.hash[:12]}"


class ErrorEvent(models.Model):
    """One occurrence kept in full. `details` holds `{"exception": [...], "request": {...}, "context": {...}}`."""

    group = models.ForeignKey(ErrorGroup, on_delete=models.CASCADE, related_name="events")
    # Read together with the group only, which has the index.
    grouping = models.ForeignKey(
        Grouping, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="events"
    )
    event_id = models.UUIDField(unique=True, help_text="Made at capture; a sample delivered twice is stored once.")
    occurred_at = models.DateTimeField(db_index=True)
    type = models.CharField(max_length=200)
    message = models.CharField(max_length=1000, blank=True)
    severity = models.CharField(max_length=8, choices=SEVERITIES)
    handled = models.BooleanField(default=False)
    mechanism = models.CharField(max_length=40, blank=True)
    route = models.CharField(max_length=200, blank=True)
    user_pk = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True, db_index=True)
    trace_id = models.CharField(max_length=32, blank=True)
    release = models.CharField(max_length=100, blank=True)
    environment = models.CharField(max_length=64, blank=True)
    host = models.CharField(max_length=100, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    irrelevance = models.PositiveSmallIntegerField(default=0, help_text="See core.relevance.")
    keep = models.BooleanField(default=False, help_text="It made its group change state: evicted last.")
    details = PackedJSONField()

    class Meta:
        ordering = ["-occurred_at", "-pk"]
        indexes = [
            models.Index(fields=["group", "occurred_at"], name="artisan_event_group_time"),
            models.Index(fields=["keep", "irrelevance", "occurred_at"], name="artisan_event_relevance"),
        ]

    def __str__(self) -> str:
        return f"{self.type} at {self.occurred_at:%Y-%m-%d %H:%M:%S}"


class ErrorHourlyCount(models.Model):
    """How often a group happened in one hour (UTC): sparklines and windows without reading events."""

    group = models.ForeignKey(ErrorGroup, on_delete=models.CASCADE, related_name="hours")
    hour = models.DateTimeField(db_index=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "hour"], name="artisan_error_hour_once")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h: {self.count}"


class GroupingHour(models.Model):
    """How often one fingerprint of a merged group happened in one hour (UTC): its part of `ErrorHourlyCount`."""

    grouping = models.ForeignKey(Grouping, models.DO_NOTHING, db_constraint=False, related_name="hours")
    hour = models.DateTimeField(db_index=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["grouping", "hour"], name="artisan_grouping_hour_once")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h: {self.count}"


class ErrorActivity(models.Model):
    """One change of a group or one comment: what, when, by whom. `by_pk` is empty where the machine did it.

    `reason` is the change in words, as the machine says it; `comment` is what the person wrote. Of a merge or split,
    `details` holds what it takes to undo it (see `errors.merging`).
    """

    class Kind(models.TextChoices):
        RESOLVED = "resolved", "Resolved"
        MUTED = "muted", "Muted"
        REOPENED = "reopened", "Reopened"
        REGRESSED = "regressed", "Regressed"
        UNMUTED = "unmuted", "Unmuted"
        ASSIGNED = "assigned", "Assigned"
        SEVERITY = "severity", "Severity changed"
        COMMENTED = "commented", "Commented"
        MERGED = "merged", "Merged"
        SPLIT = "split", "Split"
        UNDONE = "undone", "Undone"

    group = models.ForeignKey(ErrorGroup, on_delete=models.CASCADE, related_name="activities")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField()
    by_pk = models.CharField(max_length=64, blank=True)
    by_label = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    comment = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["group", "-at"], name="artisan_activity_group_at"),
            models.Index(fields=["kind", "-at"], name="artisan_activity_kind_at"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%Y-%m-%d %H:%M}"


class ErrorRelease(models.Model):
    """A release in which an error was seen, and when first: what orders releases that are no versions."""

    name = models.CharField(max_length=100, unique=True)
    first_seen = models.DateTimeField()

    class Meta:
        ordering = ["-first_seen", "-pk"]

    def __str__(self) -> str:
        return self.name


class ErrorDigest(models.Model):
    """A digest mail of one period: who writes its row sends it, once however many workers there are."""

    period = models.CharField(max_length=8)
    begins_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    groups = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["period", "begins_at"], name="artisan_digest_once")]

    def __str__(self) -> str:
        return f"{self.period} from {self.begins_at:%Y-%m-%d}"
