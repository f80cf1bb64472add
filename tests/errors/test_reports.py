"""An error as Markdown and JSON: readable, complete, and unable to become markup in somebody's ticket."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from artisan_monitoring.errors.reports import as_json, as_markdown, block, code
from artisan_monitoring.models import ErrorEvent, ErrorGroup

from .test_trail import step

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def error(text: str = "Order 17 refused") -> tuple[ErrorGroup, ErrorEvent]:
    frames = [
        {"file": "/lib/django/base.py", "line": 5, "function": "inner", "module": "django.base", "in_app": False},
        {"file": "shop/pay.py", "line": 11, "function": "pay", "module": "shop.pay", "in_app": True, "first_line": 10,
         "source": ["def pay():", "    charge()", ""]},
    ]  # fmt: skip
    chain = [
        {"type": "shop.Refused", "message": text, "relation": "raised", "frames": frames, "notes": [text]},
        {"type": "KeyError", "message": text, "relation": "cause", "frames": []},
    ]
    details = {
        "exception": chain, "trail": [step(0.01, text, ms=2.0)], "trail_at": 0.02, "context": {text: text},
        "request": {"method": "POST", "path": "/pay/"},
    }  # fmt: skip
    group = ErrorGroup(
        pk=5, type="shop.Refused", message=text, culprit="shop.pay in pay", severity="HIGH", count=1200, users=3,
        first_seen=NOON, last_seen=NOON, first_release="1.0", last_release="1.1",
    )  # fmt: skip
    event = ErrorEvent(occurred_at=NOON, type="shop.Refused", message=text, tags={"region": text}, details=details)
    event.event_id = UUID(int=7)
    return group, event


def test_markdown_has_what_a_ticket_needs():
    text = as_markdown(*error(), "https://shop.example/admin/5/")
    for part in (
        "# `shop.Refused`", "- Where: `shop.pay in pay`", "- Occurrences: 1,200, 3 users", "in `1.0`",
        "<https://shop.example/admin/5/>", "## Caused by: `KeyError`",
        'File "shop/pay.py", line 11, in pay\n    charge()',
        "  # library", "20.0 ms  === the error ===", "10.0 ms  Query: Order 17 refused (2.0 ms)", "`POST /pay/`",
        "- `region`: `Order 17 refused`",
    ):  # fmt: skip
        assert part in text


def test_markdown_without_a_sample_says_what_is_known():
    group, _ = error()
    text = as_markdown(group, None)
    assert "1,200" in text
    assert "## Sample" not in text


def without_code(markdown: str) -> str:
    """Return what of Markdown is not code: fenced blocks and code spans, as CommonMark delimits them."""
    kept, fence = [], ""
    for line in markdown.split("\n"):
        opening = re.match(r"^(`{3,})(.*)$", line)
        if fence:
            if opening and not opening[2].strip() and len(opening[1]) >= len(fence):
                fence = ""
        elif opening and "`" not in opening[2]:
            fence = opening[1]
        else:
            kept.append(re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", line))
    return "\n".join(kept)


hostile = st.text("`~<>[]()#*_!|\\\n x@", min_size=1, max_size=40).filter(lambda text: "x" in text)


@given(hostile)
def test_recorded_text_never_becomes_markup(text):
    outside = without_code(as_markdown(*error(text)))
    assert not set("<>[]!|@`") & set(outside)


@given(hostile)
def test_block_and_span_hold_their_text(text):
    assert without_code(block(text)).strip() == ""
    assert without_code(code(text)) == ""


def test_json_is_json_whatever_is_in_it():
    whole = json.loads(json.dumps(as_json(*error("\u2028</script>"))))
    assert whole["message"] == "\u2028</script>"
    assert whole["first_seen"] == NOON.isoformat()
    assert whole["sample"]["details"]["request"]["path"] == "/pay/"
    assert as_json(error()[0], None)["sample"] is None
