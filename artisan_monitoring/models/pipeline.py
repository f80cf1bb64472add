"""Tables of the pipeline: the DatabaseStore's inbox, cursors, leases and notes, and what was set aside."""

from __future__ import annotations

from django.db import models


class InboxState(models.Model):
    """The DatabaseStore's state: epoch, next position, bytes waiting, the metrics consumer's cursor, commit number."""

    shard = models.PositiveIntegerField(primary_key=True)
    epoch = models.CharField(max_length=32)
    position = models.BigIntegerField(default=0)
    waiting_bytes = models.BigIntegerField(default=0)
    cursor_position = models.BigIntegerField(default=0)
    cursor_offset = models.BigIntegerField(default=0)
    commits = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "inbox state"

    def __str__(self) -> str:
        return f"shard {self.shard}"


class InboxEntry(models.Model):
    """A packed batch that waits in the DatabaseStore."""

    shard = models.PositiveIntegerField()
    position = models.BigIntegerField()
    process = models.CharField(max_length=64)
    sequence = models.BigIntegerField()
    payload = models.BinaryField()
    size = models.PositiveIntegerField(help_text="Bytes of the payload.")
    appended_at = models.FloatField()

    class Meta:
        verbose_name = "inbox entry"
        verbose_name_plural = "inbox entries"
        constraints = [models.UniqueConstraint(fields=["shard", "position"], name="artisan_inbox_position")]

    def __str__(self) -> str:
        return f"{self.process} {self.sequence}"


class ProducerState(models.Model):
    """A process that appends to the DatabaseStore: its last sequence number appended, and drained."""

    shard = models.PositiveIntegerField()
    process = models.CharField(max_length=64)
    appended = models.BigIntegerField(default=-1)
    drained = models.BigIntegerField(default=-1)
    observations = models.BigIntegerField(default=0)
    seen_at = models.FloatField(db_index=True)

    class Meta:
        verbose_name = "producer"
        constraints = [models.UniqueConstraint(fields=["shard", "process"], name="artisan_producer")]

    def __str__(self) -> str:
        return self.process


class ConsumerCursor(models.Model):
    """How far the records consumer has come in a shard of a store; committed together with the rows it wrote."""

    store = models.CharField(max_length=32)
    shard = models.PositiveIntegerField()
    epoch = models.CharField(max_length=32)
    position = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "consumer cursor"
        constraints = [models.UniqueConstraint(fields=["store", "shard"], name="artisan_consumer_shard")]

    def __str__(self) -> str:
        return f"{self.store} {self.shard}"


class Loss(models.Model):
    """How many observations were lost for a reason (DatabaseStore)."""

    reason = models.CharField(primary_key=True, max_length=64)
    count = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "loss"
        verbose_name_plural = "losses"

    def __str__(self) -> str:
        return f"{self.reason} {self.count}"


class QuarantinedRecord(models.Model):
    """A record that no sink could store, set aside so that the others go on."""

    kind = models.CharField(max_length=64)
    process = models.CharField(max_length=64)
    reason = models.TextField()
    record = models.TextField(help_text="The record as ASCII JSON, cut at 16 KiB.")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = "quarantined record"

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class JobLease(models.Model):
    """Who holds a job, and how its last runs went (DatabaseStore)."""

    name = models.CharField(primary_key=True, max_length=64)
    holder = models.CharField(max_length=128, blank=True)
    token = models.BigIntegerField(default=0)
    expires_at = models.FloatField(default=0)
    runner = models.CharField(max_length=16, blank=True)
    last_start = models.FloatField(default=0)
    last_success = models.FloatField(default=0)
    last_duration_s = models.FloatField(default=0)
    last_error = models.TextField(blank=True)
    runs = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "job"

    def __str__(self) -> str:
        return self.name


class StoredNote(models.Model):
    """A small value that expires (DatabaseStore)."""

    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=128)
    value = models.TextField(help_text="ASCII JSON: PostgreSQL's own type refuses what Python's JSON can hold.")
    written_at = models.FloatField()
    expires_at = models.FloatField(db_index=True)

    class Meta:
        verbose_name = "note"
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="artisan_note_name")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
