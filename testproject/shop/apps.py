"""The shop's app configuration."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Keep tables under the label `shop`."""

    name = "testproject.shop"
    default_auto_field = "django.db.models.BigAutoField"
