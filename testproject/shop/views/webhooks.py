"""The payment provider's webhook, signed as the Standard Webhooks specification says (1.0, section "Verifying")."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

from django.conf import settings
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from artisan_monitoring import logger, metrics_collector
from testproject.shop.models import Order

TOLERANCE_S = 300


def sign(message_id: str, timestamp: str, body: bytes) -> str:
    """Give the `webhook-signature` of a message: `v1,` and the HMAC-SHA256 in base64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(settings.PAYMENT_WEBHOOK_SECRET.encode(), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def _is_genuine(request) -> bool:
    timestamp = request.headers.get("webhook-timestamp", "")
    if not (
        timestamp.isascii()
        and timestamp.isdigit()
        and len(timestamp) < 12
        and abs(time.time() - int(timestamp)) <= TOLERANCE_S
    ):
        return False
    expected = sign(request.headers.get("webhook-id", ""), timestamp, request.body).encode()
    given = request.headers.get("webhook-signature", "").encode(errors="replace")
    return any(hmac.compare_digest(expected, one) for one in given.split())


@csrf_exempt  # the signature stands for the token
@require_POST
def payment(request):
    """Mark an order as paid. A genuine message without `data.order` raises KeyError: the sender broke the contract."""
    if not _is_genuine(request):
        logger.error("A payment message is not genuine", message_id=request.headers.get("webhook-id", ""))
        return JsonResponse({"error": "The signature does not fit."}, status=401)
    message = json.loads(request.body)
    reference = message["data"]["order"]
    paid = Order.objects.filter(reference=reference, state=Order.State.PLACED).update(state=Order.State.PAID)
    metrics_collector.increment("shop.payments", tags={"known": str(bool(paid)).lower()})
    logger.info("Payment received", order=reference, known=bool(paid))
    return JsonResponse({"received": True})
