"""Tags for pictures, prices and stars."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.safestring import SafeString, mark_safe

from testproject.shop.artwork import picture
from testproject.shop.models import Artisan, Product

register = template.Library()


@register.simple_tag
def artwork(subject: Product | Artisan) -> SafeString:
    """Draw a product or an artisan. `picture` escapes the name and makes the rest itself."""
    craft = subject.craft if isinstance(subject, Artisan) else subject.artisan.craft
    return mark_safe(picture(subject.name, craft))


@register.filter
def euros(amount: Decimal) -> str:
    """Write an amount as `€ 12.90`."""
    return f"€\N{NO-BREAK SPACE}{amount:,.2f}"


@register.filter
def stars(number: float | None) -> str:
    """Write 0 to 5 as five full or empty stars."""
    full = round(number or 0)
    return "★" * full + "☆" * (5 - full)
