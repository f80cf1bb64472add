"""The shop in the admin."""

from __future__ import annotations

from django.contrib import admin

from testproject.shop.models import Artisan, Order, OrderLine, Product, Promotion, Review


@admin.register(Artisan)
class ArtisanAdmin(admin.ModelAdmin):
    """People who make things."""

    list_display = ["name", "craft", "town"]
    list_filter = ["craft"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """Things on sale."""

    list_display = ["name", "artisan", "price", "stock"]
    list_filter = ["artisan__craft"]
    list_select_related = ["artisan"]
    prepopulated_fields = {"slug": ["name"]}
    search_fields = ["name"]


@admin.register(Promotion)
class PromotionAdmin(admin.ModelAdmin):
    """Reductions."""

    list_display = ["name", "percent", "starts", "ends"]
    autocomplete_fields = ["products"]
    prepopulated_fields = {"slug": ["name"]}


class OrderLineInline(admin.TabularInline):
    """The lines of an order."""

    model = OrderLine
    autocomplete_fields = ["product"]
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """What was bought."""

    list_display = ["reference", "name", "state", "placed_at"]
    list_filter = ["state"]
    date_hierarchy = "placed_at"
    inlines = [OrderLineInline]
    raw_id_fields = ["user"]


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):
    """What buyers say."""

    list_display = ["product", "stars", "author", "written_at"]
    list_filter = ["stars"]
    list_select_related = ["product"]
    autocomplete_fields = ["product"]
