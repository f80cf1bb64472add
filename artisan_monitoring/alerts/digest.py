"""The digest of errors as a letter, once a day or week, however many workers there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings as django_settings
from django.core.mail import EmailMultiAlternatives
from django.db import router
from django.db.models import F, Q, QuerySet
from django.template import Context
from django.utils import timezone

from ..conf import get_settings
from ..core.calendar_periods import last_period
from ..errors.digest import Digest, Line, digest_of
from ..models.errors import ErrorDigest
from .channels.email import post, recipients
from .messages import admin_url, engine

RETRY_AFTER = timedelta(minutes=15)
ATTEMPTS = 5
"""A mail server that takes nothing for an hour will not take this letter; the next period's is tried again."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A digest as text and HTML."""

    digest: Digest
    period: str
    service: str
    environment: str

    @property
    def subject(self) -> str:
        """How much of what, without a word of the errors themselves: those are anybody's text."""
        told = [(self.digest.new.total, "new"), (self.digest.regressed.total, "regressed")]
        what = ", ".join(f"{count:,} {name}" for count, name in told if count) or "nothing new"
        return f"Errors, {self.period}: {what} ({self.service}, {self.environment})"

    @property
    def summary(self) -> str:
        """The whole period in a sentence."""
        begin, end = (f"{timezone.localtime(at):%a %Y-%m-%d %H:%M}" for at in (self.digest.begin, self.digest.end))
        return f"{self.digest.count:,} errors from {begin} to {end}; {self.digest.before:,} in the {self.unit} before."

    @property
    def unit(self) -> str:
        """`day` or `week`."""
        return "week" if self.period == "weekly" else "day"

    def text(self) -> str:
        """Return the plain text."""
        lines = [self.summary]
        for part in self.digest.parts:
            lines += ["", part.title.upper(), *(line for each in part.lines for line in self._lines(each))]
            if part.more:
                lines.append(f"  and {part.more:,} more")
        return "\n".join([*lines, ""])

    def _lines(self, line: Line) -> list[str]:
        group = line.group
        head, place = (" ".join(text.split()) for text in (f"{group.type}: {group.message}"[:300], group.culprit))
        link = group_url(group.pk)
        return [f"- [{group.severity}] {head}", f"  {line.trend}; {place}", *([f"  {link}"] if link else [])]

    def html(self) -> str:
        """Return the HTML; every value is escaped."""
        parts = [
            {"title": part.title, "more": part.more, "lines": [(each, group_url(each.group.pk)) for each in part.lines]}
            for part in self.digest.parts
        ]
        return str(engine().get_template("digest.html").render(Context({"letter": self, "parts": parts})))


def group_url(pk: int) -> str:
    """Return the address of an error's page, or nothing where the site's is not known."""
    return admin_url("errorgroup", pk)


def send_digest(now: datetime | None = None) -> bool:
    """Send the letter of the last period that is over, unless it was; return whether it was sent now. A job."""
    chosen = get_settings()
    if chosen.ERRORS.DIGEST == "off":
        return False
    now = now or timezone.now()
    begin, end = last_period(timezone.localtime(now), chosen.ERRORS.DIGEST, chosen.ERRORS.DIGEST_HOUR)
    mine = _claim(chosen.ERRORS.DIGEST, begin, now)
    if mine is None:
        return False
    digest = digest_of(begin, end)
    told = bool(digest.new.total or digest.regressed.total or digest.noisiest.lines)
    wanted = told or chosen.ERRORS.DIGEST_EMPTY
    # A worker that was held up since its claim has lost it to another, which sends.
    if wanted and not _rows().filter(pk=mine.pk, attempts=mine.attempts, sent_at=None).exists():
        return False
    if wanted:
        _post(Letter(digest, chosen.ERRORS.DIGEST, chosen.SERVICE, chosen.ENVIRONMENT))
    _rows().filter(pk=mine.pk).update(sent_at=now, groups=digest.new.total + digest.regressed.total)
    return wanted


def _claim(period: str, begin: datetime, now: datetime) -> ErrorDigest | None:
    """Take the period's letter: one worker gets it, and another after a quarter of an hour if it did not send it."""
    row, _ = _rows().get_or_create(period=period, begins_at=begin)
    free = Q(tried_at=None) | Q(tried_at__lt=now - RETRY_AFTER)
    unsent = _rows().filter(free, pk=row.pk, attempts=row.attempts, sent_at=None, attempts__lt=ATTEMPTS)
    if not unsent.update(attempts=F("attempts") + 1, tried_at=now):
        return None
    row.attempts += 1
    return row


def _rows() -> QuerySet[ErrorDigest]:
    return ErrorDigest.objects.using(router.db_for_write(ErrorDigest))


def _post(letter: Letter) -> None:
    mail = EmailMultiAlternatives(
        subject=" ".join(letter.subject.split())[:200],
        body=letter.text(),
        from_email=django_settings.SERVER_EMAIL,
        to=recipients(get_settings().ERRORS.DIGEST_TO),
        headers={"Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(letter.html(), "text/html")
    post(mail)
