"""The e-mail channel: to whom, in which form, and through the mail server of any Django's settings."""

from __future__ import annotations

import socket
import subprocess
import sys
from unittest import mock

import django
import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from artisan_monitoring.alerts import states
from artisan_monitoring.alerts.channels import channel_names, email
from artisan_monitoring.alerts.delivery import deliver_notifications
from artisan_monitoring.alerts.messages import compose
from artisan_monitoring.models import AlertNotification

from .conftest import HOST, NOW, fire, use

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

mailers_only = pytest.mark.skipif(django.VERSION < (6, 1), reason="MAILERS came with Django 6.1")


def test_email_goes_to_admins_as_text_and_html(host: Settings) -> None:
    host.ADMINS = [("Ada", "ada@example.com")]
    host.SERVER_EMAIL = "shop@example.com"
    assert channel_names() == ["log", "email"]
    states.resolve(fire(), NOW + 90, by="grace")
    deliver_notifications()
    [letter] = mail.outbox
    assert letter.to == ["ada@example.com"]
    assert letter.from_email == "shop@example.com"
    assert letter.subject == "[resolved] Many errors (shop, production)"
    assert "12 errors in 5 min" in letter.body
    assert "resolved by grace at 2023-11-14 22:14:50 UTC after 1 min 30 s" in letter.body
    [(html, kind)] = letter.alternatives
    assert kind == "text/html"
    assert "12 errors in 5 min" in html
    assert letter.message()["Auto-Submitted"] == "auto-generated"


def test_recipients_of_settings_come_before_admins_and_options_before_both(host: Settings) -> None:
    host.ADMINS = ["ada@example.com"]
    host.ARTISAN_MONITORING = {**HOST, "ALERTS": {"EMAIL_TO": ["ops@example.com"]}}
    fire("One")
    deliver_notifications()
    options = {"to": ["night@example.com"], "from_email": "me@example.com"}
    use(host, night={"BACKEND": "artisan_monitoring.alerts.channels.email.EmailChannel", "OPTIONS": options})
    fire("Two")
    deliver_notifications()
    assert [letter.to for letter in mail.outbox] == [["ops@example.com"], ["night@example.com"]]


def test_without_anybody_to_write_to_there_is_no_mail_channel(host: Settings) -> None:
    host.ADMINS = []
    assert channel_names() == ["log"]
    with pytest.raises(ValueError, match="no recipients"):
        email.EmailChannel().send(compose(fire(), "firing", 1))


def mail_through(host: Settings, name: str, port: int) -> None:
    if django.VERSION >= (6, 1):
        host.MAILERS = {"default": {"OPTIONS": {"host": name, "port": port}}}
    else:
        host.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        host.EMAIL_HOST, host.EMAIL_PORT = name, port


def test_mail_server_that_never_answers_costs_its_timeout_and_is_noted(host: Settings) -> None:
    host.ADMINS = ["ada@example.com"]
    with socket.create_server(("127.0.0.1", 0)) as silent, mock.patch.object(email, "TIMEOUT_S", 0.3):
        mail_through(host, "127.0.0.1", silent.getsockname()[1])
        fire()
        deliver_notifications(NOW)
    states_of = dict(AlertNotification.objects.values_list("channel", "state"))
    assert states_of == {"log": "sent", "email": "queued"}
    assert "timed out" in AlertNotification.objects.get(channel="email").error


MAILING = """
import django, warnings
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "artisan_monitoring"], {settings})
django.setup()
warnings.simplefilter("error")  # from here on: what Django says to older settings is the project's affair
from artisan_monitoring.alerts.channels import email
backend = email._backend({using!r})
print(type(backend).__module__, backend.host, backend.port, backend.timeout)
"""
NEW = 'MAILERS={"default": {"OPTIONS": {"host": "mx"}}, "night": {"OPTIONS": {"host": "mx2", "port": 26}}}'


@pytest.mark.parametrize(
    ("settings", "using", "server"),
    [
        ("", "default", "localhost 25 10"),
        ('EMAIL_HOST="mx", EMAIL_TIMEOUT=3', "default", "mx 25 3"),
        pytest.param(NEW, "night", "mx2 26 10", marks=mailers_only),
        pytest.param(NEW, "default", "mx 25 10", marks=mailers_only),
    ],
)
def test_mail_is_sent_as_the_project_sends_its_own_and_without_a_warning(
    settings: str, using: str, server: str
) -> None:
    code = MAILING.format(settings=settings, using=using)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == f"django.core.mail.backends.smtp {server}\n", done.stderr
