"""A mail backend that appends each message to one file, for looking at what the shop would have sent."""

from __future__ import annotations

from django.conf import settings
from django.core.mail.backends.console import EmailBackend


class MailboxFile(EmailBackend):
    """Write messages to `settings.MAILBOX_FILE` in the console backend's form."""

    def send_messages(self, email_messages):
        """Append the messages and return how many were written."""
        with open(settings.MAILBOX_FILE, "a", encoding="utf-8") as mailbox:
            self.stream = mailbox
            return super().send_messages(email_messages)
