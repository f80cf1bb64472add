"""Small bar charts as inline SVG: shapes and classes only, so that a strict Content-Security-Policy lets them be."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

GAP = 1


def bars(values: Sequence[int], *, height: int, bar: int, label: str) -> SafeString:
    """Draw counts as bars of `bar` pixels, the highest of full height; `label` is what a screen reader says.

    In one path: of fifty such pictures in a list, a shape for each bar would be most of the page.
    """
    peak = max(values, default=0)
    step = bar + GAP
    width = max(1, len(values) * step - GAP)
    tall = [max(2, round(count / peak * height)) if count else 0 for count in values]
    path = "".join(f"M{index * step} {height}v-{high}h{bar}v{high}z" for index, high in enumerate(tall) if high)
    return format_html(
        '<svg class="am-bars" role="img" aria-label="{0}" width="{1}" height="{2}" viewBox="0 0 {1} {2}">'
        '<path class="am-bar am-none" d="M0 {2}h{1}v-1h-{1}z"/><path class="am-bar" d="{3}"/></svg>',
        label,
        width,
        height,
        path,
    )
