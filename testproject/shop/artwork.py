"""Pictures drawn from names: one small SVG a product, the same every time, in the manner of its craft.

Colours are presentation attributes, not styles, so a Content-Security-Policy without `unsafe-inline` lets them through.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import lru_cache
from html import escape

from testproject.shop.models import Craft

# Ground, two body colours, an accent, an ink. Each palette is quiet enough to stand on a light or a dark page.
PALETTES = (
    ("#f3e3d3", "#c4683f", "#8f3f27", "#e8b23a", "#3b2219"),
    ("#dfe8e3", "#4f7f74", "#2d564f", "#e3a857", "#1d332f"),
    ("#e6e1ee", "#7a6aa6", "#4d4179", "#e58f8a", "#2a2345"),
    ("#f6e7c8", "#d39a2c", "#a46a17", "#3f7d8c", "#46300d"),
    ("#dbe7f1", "#4478a8", "#264f7a", "#f0c35a", "#16304b"),
    ("#f4dedd", "#bf5b66", "#8a3343", "#5f8f86", "#421a22"),
    ("#e7ead2", "#86954a", "#566427", "#d9783f", "#2f370f"),
)
Palette = tuple[str, str, str, str, str]


@lru_cache(maxsize=512)
def picture(name: str, craft: str) -> str:
    """Draw `name` as an SVG element of 240 by 240 units; it fills the box it is put in."""
    dice = random.Random(f"{craft}:{name}")
    palette = dice.choice(PALETTES)
    body = DRAWERS.get(Craft(craft), _pottery)(dice, palette)
    return (
        f'<svg class="art" viewBox="0 0 240 240" role="img" aria-label="{escape(name)}">'
        f'<rect width="240" height="240" fill="{palette[0]}"/>'
        f'<circle cx="{dice.randrange(60, 180)}" cy="{dice.randrange(60, 120)}" r="{dice.randrange(60, 90)}"'
        f' fill="#fff" opacity=".45"/>{body}</svg>'
    )


def _shadow(width: float, y: float = 208) -> str:
    return f'<ellipse cx="120" cy="{y}" rx="{width:.0f}" ry="7" fill="#000" opacity=".14"/>'


def _pottery(dice: random.Random, palette: Palette) -> str:
    """A turned vessel: a mirrored outline with bands that follow it."""
    _, body, dark, accent, _ = palette
    top, neck = dice.randrange(46, 96), dice.randrange(20, 52)
    belly, foot = dice.randrange(52, 84), dice.randrange(26, 44)
    middle = top + (206 - top) * dice.uniform(0.4, 0.62)
    side = f"C{120 + neck} {top + 26} {120 + belly} {middle - 34:.0f} {120 + belly} {middle:.0f}"
    side += f"S{120 + foot + 10} 200 {120 + foot} 206H{120 - foot}"
    side += f"C{120 - foot - 10} 200 {120 - belly} {middle + 40:.0f} {120 - belly} {middle:.0f}"
    side += f"S{120 - neck} {top + 26} {120 - neck} {top}Z"
    outline = f"M{120 - neck} {top}H{120 + neck}{side}"
    clip = f"v{dice.randrange(10**9)}"
    bands = "".join(
        f'<path d="M30 {y}q45 {bow} 90 0t90 0" fill="none" stroke="{colour}" stroke-width="{dice.randrange(3, 13)}"/>'
        for y, bow, colour in (
            (dice.randrange(top + 30, 190), dice.choice((0, 0, 14, 24)), dice.choice((accent, dark, palette[0])))
            for _ in range(dice.randrange(2, 5))
        )
    )
    return (
        f'{_shadow(foot + 34)}<clipPath id="{clip}"><path d="{outline}"/></clipPath>'
        f'<path d="{outline}" fill="{body}"/><g clip-path="url(#{clip})">{bands}'
        f'<rect x="{120 + belly // 3}" y="0" width="120" height="240" fill="#000" opacity=".12"/></g>'
        f'<ellipse cx="120" cy="{top}" rx="{neck}" ry="{max(5, neck // 5)}" fill="{dark}"/>'
    )


def _weaving(dice: random.Random, palette: Palette) -> str:
    """A cloth with stripes, a mirrored row of stepped diamonds, and a fringe."""
    _, body, dark, accent, ink = palette
    colours = (dark, accent, ink, "#fff")
    parts = [_shadow(78), f'<rect x="48" y="36" width="144" height="150" fill="{body}"/>']
    y = 44
    while y < 176:
        height = dice.choice((3, 5, 8, 26))
        colour = dice.choice(colours)
        if height == 26 and y < 152:
            reach = dice.choice((9, 12, 18))
            parts += [
                f'<path d="M{x} {y}l{reach} 12-{reach} 12-{reach}-12z" fill="{colour}"/>'
                for x in range(48 + reach, 193 - reach, 2 * reach)
            ]
        else:
            parts.append(f'<rect x="48" y="{y}" width="144" height="{min(height, 9)}" fill="{colour}" opacity=".85"/>')
        y += min(height, 27) + dice.randrange(3, 8)
    fringe = "".join(f"M{x} 186v{dice.randrange(13, 20)}" for x in range(51, 192, 6))
    return "".join(parts) + f'<path d="{fringe}" stroke="{dark}" stroke-width="2"/>'


def _woodwork(dice: random.Random, palette: Palette) -> str:
    """The end of a log: rings that are not quite round, a crack, a strip of bark."""
    _, body, dark, accent, ink = palette
    phase, lobes = dice.uniform(0, 6), dice.randrange(2, 5)

    def ring(radius: float) -> str:
        points = []
        for step in range(28):
            angle = step * math.tau / 28
            r = radius * (1 + 0.05 * math.sin(lobes * angle + phase) + 0.02 * math.sin(5 * angle))
            points.append(f"{120 + r * math.cos(angle):.0f} {118 + r * math.sin(angle) * 0.94:.0f}")
        return "M" + "L".join(points) + "Z"

    rings, radius = [], 70.0
    while radius > 8:
        rings.append(f'<path d="{ring(radius)}" stroke-width="{dice.choice((1, 1.5, 2.5, 4))}"/>')
        radius -= dice.uniform(6, 13)
    angle = dice.uniform(0, math.tau)
    crack = f"M120 118L{120 + 72 * math.cos(angle):.0f} {118 + 70 * math.sin(angle):.0f}"
    return (
        f'{_shadow(66)}<path d="{ring(84)}" fill="{ink}"/><path d="{ring(77)}" fill="{body}"/>'
        f'<g fill="none" stroke="{dark}" opacity=".8">{"".join(rings)}</g>'
        f'<path d="{crack}" stroke="{ink}" stroke-width="3" stroke-linecap="round"/>'
        f'<circle cx="120" cy="118" r="5" fill="{accent}"/>'
    )


def _glass(dice: random.Random, palette: Palette) -> str:
    """Bubbles of coloured glass, one over the other, with a light in each."""
    colours = palette[1:4]
    parts = [_shadow(70)]
    for number in range(dice.randrange(4, 7)):
        radius = dice.randrange(24, 62)
        x, y = dice.randrange(72, 168), dice.randrange(80, 206 - radius)
        colour = colours[number % 3]
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}" opacity=".58"/>'
            f'<circle cx="{x}" cy="{y}" r="{radius - 2}" fill="none" stroke="#fff" stroke-width="2" opacity=".35"/>'
            f'<path d="M{x - radius * 0.55:.0f} {y - radius * 0.2:.0f}q{radius * 0.1:.0f}-{radius * 0.36:.0f}'
            f' {radius * 0.5:.0f}-{radius * 0.42:.0f}" fill="none" stroke="#fff" stroke-width="4"'
            ' stroke-linecap="round" opacity=".75"/>'
        )
    return "".join(parts)


def _jewellery(dice: random.Random, palette: Palette) -> str:
    """A stone with facets on a chain of beads."""
    _, body, dark, accent, ink = palette
    sides, reach = dice.choice((6, 8, 8, 10, 12)), dice.randrange(38, 54)
    inner, turn = reach * dice.uniform(0.45, 0.62), dice.uniform(0, 1)
    around = [turn + step * math.tau / sides for step in range(sides)]
    outer = [(120 + reach * math.cos(a), 140 + reach * math.sin(a)) for a in around]
    table = [(120 + inner * math.cos(a + 0.2), 140 + inner * math.sin(a + 0.2)) for a in around]
    facets = "".join(
        f'<path d="M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f} {u2:.0f} {v2:.0f} {u1:.0f} {v1:.0f}z"'
        f' fill="{(body, dark, accent)[i % 3 if sides % 3 == 0 else i % 2]}"/>'
        for i, ((x1, y1), (x2, y2), (u1, v1), (u2, v2)) in enumerate(
            zip(outer, outer[1:] + outer[:1], table, table[1:] + table[:1], strict=True)
        )
    )
    points = " ".join(f"{x:.0f},{y:.0f}" for x, y in table)
    beads = []
    for step in range(-7, 8):
        x = 120 + step * 11
        y = 140 - reach - 10 - abs(step) ** 1.55 * 3.4
        beads.append(f'<circle cx="{x}" cy="{max(y, 12):.0f}" r="{dice.choice((3, 4, 5))}"/>')
    return (
        f'{_shadow(40, 204)}<g fill="{ink}" opacity=".82">{"".join(beads)}</g>{facets}'
        f'<polygon points="{points}" fill="{accent}" opacity=".85"/>'
        f'<polygon points="{points}" fill="#fff" opacity=".3"/>'
        f'<circle cx="120" cy="{140 - reach - 7}" r="7" fill="none" stroke="{ink}" stroke-width="3"/>'
    )


def _paper(dice: random.Random, palette: Palette) -> str:
    """A folded star of sheets, each half lit."""
    _, body, dark, accent, _ = palette
    sheets, long, wide = dice.choice((6, 8, 9, 12)), dice.randrange(74, 92), dice.randrange(14, 27)
    parts = []
    for layer, (scale, light, deep) in enumerate(((1.0, body, dark), (0.62, accent, dark), (0.34, "#fff", body))):
        for step in range(sheets):
            angle = 360 / sheets * (step + layer / 2)
            a, w = long * scale, wide * scale
            parts.append(
                f'<g transform="translate(120 118) rotate({angle:.0f})">'
                f'<path d="M0 0L-{w:.0f}-{a * 0.5:.0f} 0-{a:.0f}z"'
                f' fill="{light}"/><path d="M0 0L{w:.0f}-{a * 0.5:.0f} 0-{a:.0f}z" fill="{deep}" opacity=".9"/></g>'
            )
    return _shadow(60) + "".join(parts)


DRAWERS: dict[Craft, Callable[[random.Random, Palette], str]] = {
    Craft.POTTERY: _pottery,
    Craft.WEAVING: _weaving,
    Craft.WOODWORK: _woodwork,
    Craft.GLASS: _glass,
    Craft.JEWELLERY: _jewellery,
    Craft.PAPER: _paper,
}
