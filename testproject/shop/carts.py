"""The cart in the session, and the order it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from artisan_monitoring import logger, metrics_collector
from testproject.shop.models import Order, OrderLine, Product
from testproject.shop.tasks import send_order_confirmation, tell_workshop

CART = "cart"
MOST_OF_ONE = 20


class OutOfStock(Exception):
    """There are not enough pieces of a product left."""


class CartLine(NamedTuple):
    """A product, how many of it, and today's price for one."""

    product: Product
    quantity: int
    unit_price: Decimal

    @property
    def amount(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * self.unit_price


def lines_of(wanted: Mapping[str, int]) -> list[CartLine]:
    """Look up what a cart of slug -> quantity holds; products that are gone are left out."""
    products = Product.objects.on_show().filter(slug__in=wanted)
    return [CartLine(product, wanted[product.slug], product.price_now) for product in products]


def place_order(lines: list[CartLine], *, name: str, email: str, user=None) -> Order:
    """Take the pieces from stock and write the order, all or nothing; raises OutOfStock.

    The confirmation and the message to each workshop leave after the commit.
    """
    with transaction.atomic():
        for line in lines:
            in_stock = Product.objects.filter(pk=line.product.pk, stock__gte=line.quantity)
            if not in_stock.update(stock=F("stock") - line.quantity):
                raise OutOfStock(line.product.name)
        order = Order.objects.create(name=name, email=email, user=user)
        OrderLine.objects.bulk_create(
            OrderLine(order=order, product=line.product, quantity=line.quantity, unit_price=line.unit_price)
            for line in lines
        )
        transaction.on_commit(lambda: _announce(order, lines), robust=True)
    return order


def _announce(order: Order, lines: list[CartLine]) -> None:
    total = sum(line.amount for line in lines)
    metrics_collector.increment("shop.orders")
    metrics_collector.observe("shop.order.value", float(total), "EUR")
    logger.info("Order placed", order=order.reference, lines=len(lines), total=str(total))
    send_order_confirmation.delay(order.pk)
    for artisan in {line.product.artisan_id for line in lines}:
        tell_workshop.delay(artisan, order.reference)
