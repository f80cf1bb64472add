"""What belongs to a person is masked as configured; what only looks like it stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.core.clientip import mask
from artisan_monitoring.core.fingerprints import normalised
from artisan_monitoring.core.personal import Personal

MASKING = Personal(mask_ip=lambda address: mask(address, "truncate", b""))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail to ann@example.org failed", "mail to a...@example.org failed"),
        ("<ann.b+c@mail.example.co.uk>", "<a...@mail.example.co.uk>"),
        ("'x@y.de','z@y.de'", "'x...@y.de','z...@y.de'"),
        ("call +49 170 1234567 now", "call +49...67 now"),
        ("tel +1 (202) 555-0143.", "tel +12...43."),
        ("from 8.8.4.77:443", "from 8.8.4.0:443"),
        ("http://198.51.100.7/x", "http://198.51.100.0/x"),
        ("by 2a02:2e0:3fe:1001:302::7", "by 2a02:2e0:3fe::"),
    ],
)
def test_masked(text, masked):
    assert MASKING.masked(text) == masked
    assert MASKING.masked(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "@receiver(post_save)",
        "a @ b.T",
        "user@host",
        "node@18.2.0",
        "2026-05-04T12:00:01+02:00",
        "+1.5e10 and 1+234567890",
        "x=+4917012345678",
        "10.0.0.5 192.168.1.9 127.0.0.1 172.20.0.1 169.254.169.254",
        "Edg/18.0.1.2 v1.2.3.4 1.2.3.4.5 300.1.1.1",
        "rows[::2] at 12:00:01 fe80::1 ::1",
        "",
    ],
)
def test_left_alone(text):
    assert MASKING.masked(text) == text


def test_modes():
    text = "ann@example.org, +49 170 1234567, 8.8.4.77"
    assert Personal("full", "full").masked(text) is text
    assert Personal("none", "none", lambda address: "").masked(text) == "[email], [phone], [ip]"


@given(st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,20}", fullmatch=True), st.ip_addresses(v=4))
def test_an_errors_fingerprint_is_the_same_masked_or_not(name, address):
    for text in (f"to {name}@example.org", f"by {address} "):
        assert normalised(MASKING.masked(text)) == normalised(text)


@given(st.text(max_size=300))
def test_any_text_is_taken(text):
    assert MASKING.masked(MASKING.masked(text)) == MASKING.masked(text)
