"""Tables of metrics: the series and cells of the DatabaseStore, and the roll-ups of every store."""

from __future__ import annotations

from django.db import models


class MetricSeries(models.Model):
    """A series known to the DatabaseStore, with all that was ever counted in it."""

    id = models.CharField(primary_key=True, max_length=16)
    name = models.CharField(max_length=200, db_index=True)
    text = models.TextField(help_text="The series as JSON: name, kind, unit, tags, combine.")
    total = models.BinaryField(help_text="The packed cell of all that was ever counted.")
    created_at = models.FloatField()
    seen_at = models.FloatField(db_index=True)

    class Meta:
        verbose_name = "metric series"
        verbose_name_plural = "metric series"

    def __str__(self) -> str:
        return self.text


class MetricBucket(models.Model):
    """A packed cell of one series in one slot of the DatabaseStore, or an archive of its cells in one hour."""

    class Form(models.IntegerChoices):
        """What `cell` holds."""

        CELL = 0
        FINE = 1, "archive at full resolution"
        COARSE = 2, "archive of ten-minute cells"

    series_id = models.CharField(max_length=16)
    start = models.BigIntegerField()
    width = models.PositiveIntegerField()
    form = models.PositiveSmallIntegerField(choices=Form.choices, default=Form.CELL)
    cell = models.BinaryField()

    class Meta:
        verbose_name = "metric bucket"
        constraints = [
            models.UniqueConstraint(fields=["series_id", "start", "width", "form"], name="artisan_bucket_slot")
        ]
        indexes = [models.Index(fields=["start"], name="artisan_bucket_start")]

    def __str__(self) -> str:
        return f"{self.series_id} {self.start}+{self.width}"


class GaugeReading(models.Model):
    """The last value of a gauge in one process (DatabaseStore)."""

    series_id = models.CharField(max_length=16)
    process = models.CharField(max_length=64)
    value = models.FloatField()
    at = models.FloatField(db_index=True)

    class Meta:
        verbose_name = "gauge reading"
        constraints = [models.UniqueConstraint(fields=["series_id", "process"], name="artisan_gauge_process")]

    def __str__(self) -> str:
        return f"{self.series_id} {self.value}"


class DirtyHour(models.Model):
    """An hour that was written to since it was rolled up (DatabaseStore)."""

    hour = models.BigIntegerField(primary_key=True)
    version = models.BigIntegerField()

    class Meta:
        verbose_name = "dirty hour"

    def __str__(self) -> str:
        return str(self.hour)


class MetricRollup(models.Model):
    """A series' cell over one hour or one day, overwritten whole under a version check.

    Without tags it is pre-merged over all series of the metric; `group` names the tag key it is merged by, `value` the
    tag's value.
    """

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16)
    unit = models.CharField(max_length=32)
    series_id = models.CharField(max_length=16, blank=True, help_text="Empty for a pre-merged total.")
    group = models.CharField(max_length=200, blank=True, help_text="The tag key a total is merged by.")
    value = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True, help_text="The series as JSON, for a series' own row.")
    start = models.BigIntegerField()
    width = models.PositiveIntegerField()
    version = models.BigIntegerField()
    count = models.BigIntegerField()
    sum = models.FloatField()
    cell = models.BinaryField()

    class Meta:
        verbose_name = "metric roll-up"
        constraints = [
            models.UniqueConstraint(
                fields=["name", "kind", "series_id", "group", "value", "unit", "start", "width"],
                name="artisan_rollup_slot",
            )
        ]
        indexes = [models.Index(fields=["start"], name="artisan_rollup_start")]

    def __str__(self) -> str:
        return f"{self.name} {self.value} {self.start}+{self.width}"
