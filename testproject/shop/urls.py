"""The shop's addresses."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from testproject.shop.views import api, checkout, files, pages, report, webhooks

urlpatterns = [
    path("", pages.home, name="home"),
    path("products/", pages.products, name="products"),
    path("products/<slug:slug>/", pages.product, name="product"),
    path("artisans/", pages.artisans, name="artisans"),
    path("artisans/<slug:slug>/", pages.artisan, name="artisan"),
    path("promotions/", pages.promotions, name="promotions"),
    path("promotions/<slug:slug>/", pages.promotion, name="promotion"),
    path("cart/", checkout.cart, name="cart"),
    path("cart/add/", checkout.add, name="cart-add"),
    path("checkout/", checkout.checkout, name="checkout"),
    path("orders/<str:reference>/", checkout.order, name="order"),
    path("orders/<str:reference>/invoice/", files.invoice, name="invoice"),
    path("care-guide/", files.care_guide, name="care-guide"),
    path("account/", checkout.account, name="account"),
    path("login/", LoginView.as_view(template_name="shop/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("reports/sales/", report.sales, name="sales-report"),
    path("api/products/", api.products, name="api-products"),
    path("api/products/export.csv", files.export, name="api-export"),
    path("api/products/<slug:slug>/", api.product, name="api-product"),
    path("api/products/<slug:slug>/stock/", api.stock, name="api-stock"),
    path("api/promotions/<slug:slug>/savings/", api.savings, name="api-savings"),
    path("api/orders/", api.orders, name="api-orders"),
    path("api/orders/<str:reference>/", api.order, name="api-order"),
    path("webhooks/payment/", webhooks.payment, name="payment-webhook"),
]
