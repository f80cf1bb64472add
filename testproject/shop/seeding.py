"""Fill the shop, the same way every time: running it again changes nothing."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from testproject.shop.catalogue import BUYERS, CUSTOMERS, MAKERS, MATERIAL, OPINIONS, PROMOTIONS, REMARKS
from testproject.shop.models import Artisan, Order, OrderLine, Product, Promotion, Review

ORDERS = 300
WEEKS = 6


def seed() -> dict[str, int]:
    """Make what is missing, in one transaction; give the number of rows of each kind that the shop then holds."""
    with transaction.atomic():
        today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
        products = _artisans_and_products(today)
        _promotions(products, today)
        _reviews(products, today)
        _customers()
        _orders(products, today)
    return {model._meta.verbose_name_plural: model.objects.count() for model in (Artisan, Product, Promotion, Order)}


def _artisans_and_products(today) -> list[Product]:
    dice = random.Random("products")
    Artisan.objects.bulk_create(
        [Artisan(name=m.name, slug=slugify(m.name), craft=m.craft, town=m.town, story=m.story) for m in MAKERS],
        ignore_conflicts=True,
    )
    artisans = {artisan.slug: artisan for artisan in Artisan.objects.all()}
    products = [
        Product(
            artisan=artisans[slugify(maker.name)],
            name=name,
            slug=slugify(name),
            description=f"{MATERIAL[maker.craft]} {dice.choice(REMARKS)}",
            price=Decimal(dice.randrange(9, 140)) + Decimal("0.90"),
            stock=dice.randrange(5_000, 20_000),
            added=today - timedelta(days=dice.randrange(1, 90)),
        )
        for maker in MAKERS
        for name in maker.products
    ]
    Product.objects.bulk_create(products, ignore_conflicts=True)
    return list(Product.objects.filter(slug__in=[product.slug for product in products]).order_by("slug"))


def _promotions(products: list[Product], today) -> None:
    dice = random.Random("promotions")
    for name, claim, percent, first_day, last_day in PROMOTIONS:
        chosen = dice.sample(products, 12)
        promotion, made = Promotion.objects.get_or_create(
            slug=slugify(name),
            defaults={
                "name": name,
                "claim": claim,
                "percent": percent,
                "starts": today + timedelta(days=first_day),
                "ends": today + timedelta(days=last_day),
            },
        )
        if made:
            promotion.products.set(chosen)


def _reviews(products: list[Product], today) -> None:
    dice = random.Random("reviews")
    reviews = []
    for product in products:
        for author in dice.sample(BUYERS, dice.randrange(4)):
            stars, text = dice.choice(OPINIONS)
            written_at = today - timedelta(days=dice.randrange(1, 60))
            reviews.append(Review(product=product, author=author, stars=stars, text=text, written_at=written_at))
    Review.objects.bulk_create(reviews, ignore_conflicts=True)


def _customers() -> None:
    users = get_user_model().objects
    for username in CUSTOMERS:
        users.get_or_create(username=username, defaults={"email": f"{username}@customers.example"})


def _orders(products: list[Product], today) -> None:
    """Orders of the past weeks. Only those made now get lines: an order from an earlier day keeps its own."""
    dice = random.Random("orders")
    users = {user.username: user for user in get_user_model().objects.filter(username__in=CUSTOMERS)}
    known = set(Order.objects.filter(reference__startswith="AP-SEED").values_list("reference", flat=True))
    orders, lines = [], []
    for number in range(ORDERS):
        buyer = dice.choice(BUYERS)
        username = slugify(buyer.split()[0])
        order = Order(
            reference=f"AP-SEED-{number:04}",
            user=users.get(username),
            name=buyer,
            email=f"{username}@customers.example",
            state=dice.choice([Order.State.SENT, Order.State.SENT, Order.State.PAID, Order.State.CANCELLED]),
            placed_at=today - timedelta(minutes=dice.randrange(WEEKS * 7 * 24 * 60)),
        )
        chosen = [(product, dice.randrange(1, 4)) for product in dice.sample(products, dice.randrange(1, 5))]
        if order.reference not in known:
            orders.append(order)
            lines += [OrderLine(order=order, product=p, quantity=n, unit_price=p.price) for p, n in chosen]
    Order.objects.bulk_create(orders)
    OrderLine.objects.bulk_create(lines)
