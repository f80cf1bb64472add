"""The jobs as Celery tasks. Only Celery's autodiscovery imports this module: without Celery others run them."""

from __future__ import annotations

from celery import shared_task

from .pipeline.jobs import run_job


@shared_task(ignore_result=True)
def drain() -> None:
    """Move what processes recorded from the inbox to its place."""
    run_job("drain", runner="celery")


@shared_task(ignore_result=True)
def evaluate_alerts() -> None:
    """Hold the alert rules against the numbers."""
    run_job("evaluate_alerts", runner="celery")


@shared_task(ignore_result=True)
def deliver_notifications() -> None:
    """Tell what is due to be told."""
    run_job("deliver_notifications", runner="celery")


@shared_task(ignore_result=True)
def run_health_checks() -> None:
    """Run the health checks that are too slow for a probe, and publish their results."""
    run_job("run_health_checks", runner="celery")


@shared_task(ignore_result=True)
def flush_metrics() -> None:
    """Roll closed hours of metrics up into the database."""
    run_job("flush_metrics", runner="celery")


@shared_task(ignore_result=True)
def export_otlp() -> None:
    """Send the store's metrics, and log records that wait, to the OTLP endpoint."""
    run_job("export_otlp", runner="celery")


@shared_task(ignore_result=True)
def purge_expired() -> None:
    """Delete what has been kept long enough."""
    run_job("purge_expired", runner="celery")


@shared_task(ignore_result=True)
def send_digest() -> None:
    """Mail the errors of the last day or week, if that is asked for and was not done."""
    run_job("send_digest", runner="celery")
