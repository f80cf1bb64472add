"""Small bar charts as inline SVG: shapes and classes only, so that a strict Content-Security-Policy lets them be."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

GAP = 1


def bars(
    values: Sequence[tuple[str, int]], *, height: int, bar: int, label: str, marks: Sequence[tuple[int, str]] = ()
) -> SafeString:
    """Draw (label, count) pairs as bars of `bar` pixels, the highest of full height; a zero is a hairline.

    `label` is what a screen reader says; each bar's own label and count is its tooltip. `marks` are lines before the
    n-th bar, each with a tooltip.
    """
    peak = max((count for _, count in values), default=0)
    width = max(1, len(values) * (bar + GAP) - GAP)
    shapes = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>',
        (
            ("am-bar" if count else "am-bar am-none", index * (bar + GAP), height - tall, bar, tall, name, count)
            for index, (name, count) in enumerate(values)
            for tall in [max(2, round(count / peak * height)) if count else 1]
        ),
    )
    lines = format_html_join(
        "",
        '<rect class="am-mark" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>',
        ((max(0, index * (bar + GAP) - GAP), max(GAP, bar // 2), height, text) for index, text in marks),
    )
    return format_html(
        '<svg class="am-bars" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}" '
        'preserveAspectRatio="none">{}{}</svg>',
        label,
        width,
        height,
        width,
        height,
        shapes,
        lines,
    )
