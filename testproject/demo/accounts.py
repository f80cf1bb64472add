"""The people of the demo: an admin for whoever looks on, and customers for the visitors."""

from __future__ import annotations

import secrets

from django.contrib.auth import get_user_model

from testproject.demo.journeys import ADMIN
from testproject.shop.catalogue import CUSTOMERS


def set_up(password: str = "") -> str:
    """Make the admin and give it and the customers one password, `password` or a new one; return it."""
    password = password or f"kiln-{secrets.token_urlsafe(6)}"
    users = get_user_model().objects
    admin, _ = users.get_or_create(username=ADMIN, defaults={"email": "admin@artisans.example"})
    admin.is_staff = admin.is_superuser = admin.is_active = True
    for user in (admin, *users.filter(username__in=CUSTOMERS)):
        user.set_password(password)
        user.save()
    return password


def has_admin() -> bool:
    """Say whether an earlier run made the admin."""
    return get_user_model().objects.filter(username=ADMIN).exists()
