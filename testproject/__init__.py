"""The Artisan Promotion Platform in miniature: a small shop that watches itself."""

from testproject.celery import app as celery_app

__all__ = ["celery_app"]
