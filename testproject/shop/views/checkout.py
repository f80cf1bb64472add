"""The cart, the checkout, the page of an order and the customer's account."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from artisan_monitoring import AlertSeverity, error_tracker
from testproject.shop.carts import CART, MOST_OF_ONE, OutOfStock, lines_of, place_order
from testproject.shop.forms import AddressForm
from testproject.shop.labels import PIECES_ON_A_LABEL, print_label
from testproject.shop.models import Order, Product

PLACED = "placed_orders"


@require_safe
def cart(request):
    """Show what is in the cart."""
    lines = lines_of(request.session.get(CART, {}))
    return render(request, "shop/cart.html", {"lines": lines, "total": sum(line.amount for line in lines)})


@require_POST
def add(request):
    """Put one more of a product into the cart, or take it out with `quantity=0`."""
    product = get_object_or_404(Product, slug=request.POST.get("product", ""))
    wanted = dict(request.session.get(CART, {}))
    if request.POST.get("quantity") == "0":
        wanted.pop(product.slug, None)
    else:
        wanted[product.slug] = min(wanted.get(product.slug, 0) + 1, MOST_OF_ONE)
        messages.success(request, f"{product.name} is in your cart.")
    request.session[CART] = wanted
    return redirect("cart")


def checkout(request):
    """Ask for a name and an address, then place the order."""
    lines = lines_of(request.session.get(CART, {}))
    if not lines:
        return redirect("cart")
    pieces = sum(line.quantity for line in lines)
    error_tracker.set_tag("cart", "large" if pieces > PIECES_ON_A_LABEL else "usual")
    error_tracker.add_breadcrumb("Cart read", category="checkout", products=len(lines), pieces=pieces)
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            order = place_order(
                lines, user=request.user if request.user.is_authenticated else None, **form.cleaned_data
            )
        except OutOfStock as gone:
            error_tracker.track_error(gone, AlertSeverity.LOW, context={"pieces": pieces})
            messages.error(request, f"{gone} has just sold out.")
            return redirect("cart")
        error_tracker.add_breadcrumb("Order written", category="checkout", order=order.reference)
        print_label(order.reference, pieces)
        del request.session[CART]
        request.session[PLACED] = [*request.session.get(PLACED, []), order.reference][-20:]
        return redirect("order", order.reference)
    context = {"form": form, "lines": lines, "total": sum(line.amount for line in lines)}
    return render(request, "shop/checkout.html", context, status=400 if form.errors else 200)


def order_of_visitor(request, reference):
    """Find an order that this visitor placed, in this session or under this account; others are not found."""
    found = get_object_or_404(Order.objects.prefetch_related("lines__product__artisan"), reference=reference)
    if reference in request.session.get(PLACED, []):
        return found
    if request.user.is_authenticated and found.user_id == request.user.pk:
        return found
    raise Http404


@require_safe
def order(request, reference):
    """Show an order to the one who placed it."""
    return render(request, "shop/order.html", {"order": order_of_visitor(request, reference)})


@login_required
@require_safe
def account(request):
    """Show the customer's latest orders."""
    orders = request.user.orders.prefetch_related("lines")[:20]
    return render(request, "shop/account.html", {"orders": orders})
