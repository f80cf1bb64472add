"""The shop's tables."""

from __future__ import annotations

import secrets
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property


class Craft(models.TextChoices):
    """What an artisan works in; it decides the family of a product's picture."""

    POTTERY = "pottery", "Pottery"
    WEAVING = "weaving", "Weaving"
    WOODWORK = "woodwork", "Woodwork"
    GLASS = "glass", "Glass"
    JEWELLERY = "jewellery", "Jewellery"
    PAPER = "paper", "Paper"


class Artisan(models.Model):
    """Somebody who makes things by hand."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    craft = models.CharField(max_length=20, choices=Craft)
    town = models.CharField(max_length=80)
    story = models.TextField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("artisan", args=[self.slug])


class ProductQuerySet(models.QuerySet):
    """Products with what a page shows of them."""

    def on_show(self):
        """Fetch the artisan and the promotions that run now along with the products: three queries, however many."""
        running = models.Prefetch("promotions", queryset=Promotion.objects.current(), to_attr="running")
        return self.select_related("artisan").prefetch_related(running)


class Product(models.Model):
    """One thing on sale."""

    artisan = models.ForeignKey(Artisan, on_delete=models.CASCADE, related_name="products")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True)
    description = models.TextField()
    price = models.DecimalField(max_digits=8, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))])
    stock = models.PositiveIntegerField(default=0)
    added = models.DateTimeField(default=timezone.now)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["-added", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("product", args=[self.slug])

    @cached_property
    def running(self) -> list[Promotion]:
        """Promotions of this product that run now; `on_show()` fills it for many products at once."""
        return list(self.promotions.current())

    @property
    def price_now(self) -> Decimal:
        """The lowest price that the running promotions allow."""
        return min([promotion.reduced(self.price) for promotion in self.running], default=self.price)


class PromotionQuerySet(models.QuerySet):
    """Promotions by time."""

    def current(self):
        """Give those that run now."""
        now = timezone.now()
        return self.filter(starts__lte=now, ends__gt=now)


class Promotion(models.Model):
    """A reduction on some products for some time. 0 % announces without reducing, and finds the bug in `savings`."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    claim = models.CharField(max_length=160)
    percent = models.PositiveSmallIntegerField(validators=[MaxValueValidator(90)])
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    products = models.ManyToManyField(Product, related_name="promotions")

    objects = PromotionQuerySet.as_manager()

    class Meta:
        ordering = ["-percent", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("promotion", args=[self.slug])

    def reduced(self, price: Decimal) -> Decimal:
        """Give the price after the reduction, rounded to the cent."""
        return (price * (100 - self.percent) / 100).quantize(Decimal("0.01"))


def new_reference() -> str:
    """Make an order's public number; 60 random bits, so that knowing one leads to no other."""
    return f"AP-{secrets.token_hex(8)[:15].upper()}"


class Order(models.Model):
    """What somebody bought."""

    class State(models.TextChoices):
        PLACED = "placed", "Placed"
        PAID = "paid", "Paid"
        SENT = "sent", "Sent"
        CANCELLED = "cancelled", "Cancelled"

    reference = models.CharField(max_length=24, unique=True, default=new_reference)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="orders"
    )
    name = models.CharField(max_length=120)
    email = models.EmailField()
    state = models.CharField(max_length=12, choices=State, default=State.PLACED)
    placed_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-placed_at"]

    def __str__(self) -> str:
        return self.reference

    @property
    def total(self) -> Decimal:
        """Sum of the lines; prefetch `lines` where many orders are shown."""
        return sum((line.amount for line in self.lines.all()), Decimal(0))


class OrderLine(models.Model):
    """One product in an order, at the price of that day."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveSmallIntegerField()
    unit_price = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "product"], name="one_line_per_product")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"

    @property
    def amount(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * self.unit_price


class Review(models.Model):
    """What a buyer says of a product."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    author = models.CharField(max_length=80)
    stars = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(5)])
    text = models.TextField()
    written_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-written_at"]
        constraints = [models.UniqueConstraint(fields=["product", "author"], name="one_review_per_author")]

    def __str__(self) -> str:
        return f"{self.stars}★ {self.author}"
