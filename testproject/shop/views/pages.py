"""Pages for looking around: home, products, artisans, promotions."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Avg, Count, Q
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from testproject.shop.models import Artisan, Craft, Product, Promotion

PAGE_SIZE = 24


@require_safe
def home(request):
    """Show a running promotion, what is new, and some of the people."""
    products = list(Product.objects.on_show().filter(stock__gt=0)[:8])
    context = {
        "promotions": Promotion.objects.current().filter(percent__gt=0)[:3],
        "products": products,
        "hero": products[:3],
        "artisans": Artisan.objects.annotate(count=Count("products")).order_by("slug")[:4],
        "crafts": Craft.choices,
    }
    return render(request, "shop/home.html", context)


@require_safe
def products(request):
    """List products, narrowed by `?craft=` and `?q=`, 24 a page."""
    craft, query = request.GET.get("craft", ""), request.GET.get("q", "").replace("\0", "").strip()
    found = Product.objects.on_show()
    if craft in Craft.values:
        found = found.filter(artisan__craft=craft)
    if query:
        found = found.filter(Q(name__icontains=query) | Q(artisan__name__icontains=query))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "craft": craft, "query": query, "crafts": Craft.choices}
    return render(request, "shop/products.html", context)


@require_safe
def product(request, slug):
    """Show one product with its reviews and others from the same hands."""
    found = get_object_or_404(Product.objects.on_show(), slug=slug)
    context = {
        "product": found,
        "reviews": found.reviews.all()[:6],
        "rating": found.reviews.aggregate(stars=Avg("stars"), count=Count("pk")),
        "others": Product.objects.on_show().filter(artisan=found.artisan).exclude(pk=found.pk)[:4],
    }
    return render(request, "shop/product.html", context)


@require_safe
def artisans(request):
    """List the artisans with three products each.

    The N+1 of this project, kept for the query monitor to find: the template asks each artisan for its products, and
    each product for its reviews. `prefetch_related("products__reviews")` would be the cure.
    """
    return render(request, "shop/artisans.html", {"artisans": Artisan.objects.all()})


@require_safe
def artisan(request, slug):
    """Show one artisan with everything made there."""
    found = get_object_or_404(Artisan, slug=slug)
    return render(request, "shop/artisan.html", {"artisan": found, "products": found.products.on_show()})


@require_safe
def promotions(request):
    """List the promotions that run now, each with a few products."""
    running = Promotion.objects.current().prefetch_related("products__artisan")
    return render(request, "shop/promotions.html", {"promotions": running})


@require_safe
def promotion(request, slug):
    """Show one promotion and what it reduces; one that is over or not yet open is not found."""
    found = get_object_or_404(Promotion.objects.current(), slug=slug)
    return render(request, "shop/promotion.html", {"promotion": found, "products": found.products.on_show()})
