"""What fails in the benchmarks of errors: six frames of a shop's own code with the variables such code has."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse

ORDER = {
    "reference": "A-20411",
    "email": "ann@customers.example",
    "lines": [{"product": "blue-mug", "quantity": 2, "price": "18.50"}, {"product": "oak-bowl", "quantity": 1}],
    "payment": {"provider": "cards", "card_token": "tok_5f2c9a1d7e", "attempts": 1},
}

kind: list[type[Exception]] = [ZeroDivisionError]
"""What is raised: another class is another group."""


@dataclass
class Quote:
    """A price as the workshop made it."""

    product: str
    price: Decimal
    discount: int


def checkout(order: dict[str, Any], request: HttpRequest | None = None) -> Decimal:
    """Sum up an order, as the outermost of six frames."""
    total = Decimal(0)
    currency, step = "EUR", "checkout"
    total += priced(order["lines"], currency, step=step)
    return total


def priced(lines: list[dict[str, Any]], currency: str, **options: str) -> Decimal:
    """Price all lines."""
    prices: dict[str, Decimal] = {}
    for number, line in enumerate(lines):
        prices[line["product"]] = price_of(line, number, currency)
    return sum(prices.values(), Decimal(0))


def price_of(line: dict[str, Any], number: int, currency: str) -> Decimal:
    """Price a line."""
    quote = Quote(line["product"], Decimal("18.50"), discount=0)
    message = f"pricing {number} in {currency}"
    return reduced(quote, message) * int(line["quantity"])


def reduced(quote: Quote, message: str) -> Decimal:
    """Take the discount off."""
    seen = {"member", "newsletter"}
    share = share_of(quote, seen)
    return quote.price * share


def share_of(quote: Quote, seen: set[str]) -> Decimal:
    """Say which part of a price is left."""
    rates = [Decimal(1) / part for part in (1, 2, 3)]
    return rates[0] * divided(100, quote.discount)


def divided(whole: int, part: int) -> Decimal:
    """Divide, and fail for a part of nought."""
    api_token = "tok_live_0123456789abcdef"
    rates = f"https://pricing.example/rates?part={part}&token={api_token}"
    if not part and rates:
        raise kind[0](f"a discount of {part} leaves no part of {whole}")
    return Decimal(whole) / part


def raised() -> Exception:
    """Return the error, raised anew."""
    try:
        checkout(ORDER)
    except Exception as exc:
        return exc
    raise AssertionError


def failing(request: HttpRequest, number: int) -> HttpResponse:
    """Fail as a view does."""
    return HttpResponse(str(checkout(ORDER)))
