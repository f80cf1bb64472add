"""The JSON API: products, stock, savings and orders."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.core.validators import validate_email
from django.db.models import Q
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from artisan_monitoring import AlertSeverity, error_tracker, metrics_collector
from testproject.shop.carts import MOST_OF_ONE, OutOfStock, lines_of, place_order
from testproject.shop.models import Craft, Order, Product, Promotion

PAGE_SIZE = 50
WAREHOUSE_WAIT_S = 0.03


def _as_json(product: Product) -> dict:
    return {
        "slug": product.slug,
        "name": product.name,
        "artisan": product.artisan.name,
        "craft": product.artisan.craft,
        "price": str(product.price),
        "price_now": str(product.price_now),
        "in_stock": product.stock > 0,
    }


@require_safe
def products(request):
    """List products, narrowed by `?craft=` and `?q=`, 50 a page."""
    found = Product.objects.on_show()
    if (craft := request.GET.get("craft", "")) in Craft.values:
        found = found.filter(artisan__craft=craft)
    if query := request.GET.get("q", "").replace("\0", "").strip():
        found = found.filter(Q(name__icontains=query) | Q(description__icontains=query))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    answer = {"count": page.paginator.count, "page": page.number, "pages": page.paginator.num_pages}
    return JsonResponse({**answer, "products": [_as_json(product) for product in page]})


@require_safe
def product(request, slug):
    """Give one product."""
    found = get_object_or_404(Product.objects.on_show(), slug=slug)
    return JsonResponse({**_as_json(found), "description": found.description})


async def stock(request, slug):
    """Ask the warehouse how many are left: an async view that waits on something else than the CPU."""
    try:
        found = await Product.objects.aget(slug=slug)
    except Product.DoesNotExist as missing:
        raise Http404 from missing
    async with metrics_collector.measure_time("shop.warehouse"):
        await asyncio.sleep(WAREHOUSE_WAIT_S)
    return JsonResponse({"slug": slug, "stock": found.stock})


@require_safe
def savings(request, slug):
    """Say how much to spend to save `?goal=` euros in a promotion.

    The bug of this project: a promotion of 0 % divides by zero.
    """
    promotion = get_object_or_404(Promotion.objects.current(), slug=slug)
    try:
        goal = Decimal(request.GET.get("goal", "20"))
    except InvalidOperation:
        goal = Decimal("NaN")
    if not (goal.is_finite() and 0 <= goal <= 1_000_000):
        return JsonResponse({"error": "goal is not an amount"}, status=400)
    spend = goal * 100 / promotion.percent
    return JsonResponse({"promotion": promotion.slug, "goal": str(goal), "spend": str(round(spend, 2))})


def _read_order(body: bytes) -> tuple[str, str, dict[str, int]]:
    """Read name, e-mail and slug -> quantity from a request's body; raises ValidationError with what is wrong."""
    try:
        content = json.loads(body)
        name, email = content["name"], content["email"]
        wanted = {line["product"]: line["quantity"] for line in content["lines"]}
    except (ValueError, KeyError, TypeError) as wrong:
        raise ValidationError("Send name, email and lines of product and quantity.") from wrong
    if not all(isinstance(text, str) and text.isprintable() for text in (name, email, *wanted)) or len(name) > 120:
        raise ValidationError("name, email and product must be text.")
    validate_email(email)
    if not wanted or not all(type(n) is int and 0 < n <= MOST_OF_ONE for n in wanted.values()):
        raise ValidationError(f"A quantity is a whole number from 1 to {MOST_OF_ONE}.")
    return name, email, wanted


@csrf_exempt  # programs order here without a session
@require_POST
def orders(request):
    """Place an order: 201 with its reference, 400 for what cannot be read, 409 for what has sold out."""
    try:
        name, email, wanted = _read_order(request.body)
        lines = lines_of(wanted)
        if len(lines) != len(wanted):
            raise ValidationError("There is no such product.")
    except ValidationError as wrong:
        return JsonResponse({"error": wrong.messages[0]}, status=400)
    try:
        order = place_order(lines, name=name, email=email)
    except OutOfStock as gone:
        error_tracker.track_error(gone, AlertSeverity.LOW, context={"operation": "api order"}, request=request)
        return JsonResponse({"error": f"{gone} has sold out."}, status=409)
    total = sum(line.amount for line in lines)
    return JsonResponse({"reference": order.reference, "total": str(total)}, status=201)


@require_safe
def order(request, reference):
    """Say how far an order has come, and nothing about who placed it."""
    found = get_object_or_404(Order, reference=reference)
    return JsonResponse({"reference": found.reference, "state": found.state})
