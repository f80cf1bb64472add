"""What the shop does after the response: one task that works, and one that sometimes does not."""

from __future__ import annotations

import zlib

from celery import shared_task
from django.core.mail import send_mail
from django.template.loader import render_to_string

from artisan_monitoring import error_tracker
from testproject.shop.models import Artisan, Order


class WorkshopUnreachable(ConnectionError):
    """The workshop's telephone line is down."""


@shared_task
def send_order_confirmation(order_id: int) -> int:
    """Send the buyer the confirmation; give the number of messages sent."""
    order = Order.objects.prefetch_related("lines__product").get(pk=order_id)
    body = render_to_string("shop/confirmation.txt", {"order": order})
    return send_mail(f"Your order {order.reference}", body, None, [order.email])


@shared_task
def tell_workshop(artisan_id: int, reference: str) -> str:
    """Tell the artisan of an order. One order in seven finds nobody there, on a retry too: its reference decides."""
    artisan = Artisan.objects.get(pk=artisan_id)
    error_tracker.set_tag("town", artisan.town)
    error_tracker.add_breadcrumb("Dialling the workshop", category="telephone", artisan=artisan.name)
    if zlib.crc32(reference.encode()) % 7 == 0:
        raise WorkshopUnreachable(f"{artisan.town} does not answer")
    return artisan.name
