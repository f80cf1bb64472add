"""Alerts by e-mail, through whatever mail backend the project has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import conf as django_conf
from django.conf import settings as django_settings
from django.core import mail
from django.core.mail.backends import smtp

from ...conf import get_settings, in_tests
from ..messages import AlertMessage
from .base import Channel

TIMEOUT_S = 10
"""A project that sets no timeout would otherwise wait for ever on a mail server that does not answer."""


class EmailChannel(Channel):
    """Send text and HTML to `to`, or `ALERTS["EMAIL_TO"]`, or `ADMINS`; `using` names one of Django's `MAILERS`."""

    def __init__(self, to: Sequence[str] = (), from_email: str = "", using: str = "default") -> None:
        self._to = [to] if isinstance(to, str) else list(to)
        self._from_email = from_email
        self._using = using

    def send(self, message: AlertMessage) -> None:
        letter = mail.EmailMultiAlternatives(
            subject=message.title,
            body=message.text(),
            from_email=self._from_email or django_settings.SERVER_EMAIL,
            to=recipients(self._to),
            headers={
                # All letters about one alert make one thread, and no holiday notice answers them (RFC 3834).
                "References": f"<{message.key}@{get_settings().SERVICE or 'django'}.alerts>",
                "Auto-Submitted": "auto-generated",
            },
        )
        letter.attach_alternative(message.html(), "text/html")
        post(letter, self._using)


def recipients(named: Sequence[str] = ()) -> list[str]:
    """Return who is named, else `ALERTS["EMAIL_TO"]`, else `ADMINS`. Raise `ValueError` where that is nobody."""
    found = list(named) or list(get_settings().ALERTS.EMAIL_TO) or _addresses(django_settings.ADMINS)
    if not found:
        raise ValueError("no recipients: set ALERTS['EMAIL_TO'] or ADMINS")
    return found


def post(letter: mail.EmailMultiAlternatives, using: str = "default") -> None:
    """Send a letter through the project's mail backend. Raise where it takes none."""
    if not _backend(using).send_messages([letter]):
        raise ConnectionError("the mail backend took no message")


def _addresses(people: Iterable[Any]) -> list[str]:
    """Return the addresses of `ADMINS`: pairs of name and address, or since Django 6.0 addresses alone."""
    return [each if isinstance(each, str) else each[1] for each in people]


def _backend(using: str) -> Any:
    """Return a mail backend that does not wait for ever."""
    backend = _mailer(using)
    if getattr(backend, "timeout", TIMEOUT_S) is None:
        backend.timeout = TIMEOUT_S
    return backend


def _mailer(using: str) -> Any:
    """Return the project's mail backend: Django 6.1 has `mailers`, before it there is `get_connection`."""
    mailers = getattr(mail, "mailers", None)
    if mailers is None:
        return mail.get_connection()
    if using == "default" and not (_mail_is_set_up() or in_tests()):
        # What the `EMAIL_*` settings default to. `mailers` would make the same and warn that it will not for ever:
        # where warnings are errors, no alert would go out. (A test runner replaces the backend unseen.)
        make: Any = smtp.EmailBackend
        return make(alias=using, host="localhost", port=25)
    return mailers[using]


def _mail_is_set_up() -> bool:
    """Say whether the project has set `MAILERS`, or one of the settings that came before it."""
    older = getattr(django_conf, "DEPRECATED_EMAIL_SETTINGS", ())
    settings: Any = django_settings  # whose stubs know no `is_overridden`
    return hasattr(settings, "MAILERS") or any(map(settings.is_overridden, older))
