"""Responses that are files: a stream, an attachment, and a file from the disk."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from testproject.shop.models import Product
from testproject.shop.views.checkout import order_of_visitor

CARE_GUIDE = Path(__file__).resolve().parent.parent / "files" / "care-guide.txt"
COLUMNS = ("slug", "name", "artisan__name", "artisan__craft", "price", "stock", "description")
# The export repeats the shelf: long enough that somebody can hang up in the middle.
SHELVES = 40


class _Line:
    """A file for `csv.writer` that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _rows():
    # Not values_list(): Django 5.2 runs its query outside of the worker thread when it is iterated asynchronously.
    return Product.objects.order_by("slug").values(*COLUMNS)


def _lines() -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(("shelf", *COLUMNS))
    for shelf in range(SHELVES):
        for row in _rows().iterator():
            yield writer.writerow((shelf, *row.values()))


async def _lines_async() -> AsyncIterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(("shelf", *COLUMNS))
    for shelf in range(SHELVES):
        async for row in _rows().aiterator():
            yield writer.writerow((shelf, *row.values()))


@require_safe
def export(request):
    """Stream all products as CSV, line by line; a server that is async gets an async stream, or it would read ahead."""
    lines = _lines_async() if isinstance(request, ASGIRequest) else _lines()
    headers = {"Content-Disposition": 'attachment; filename="products.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


@require_safe
def invoice(request, reference):
    """Give the invoice of an order to the one who placed it."""
    order = order_of_visitor(request, reference)
    headers = {"Content-Disposition": f'attachment; filename="{order.reference}.txt"'}
    text = render_to_string("shop/invoice.txt", {"order": order})
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


@require_safe
def care_guide(request):
    """Give the care guide from the disk; a server that can will use sendfile."""
    return FileResponse(CARE_GUIDE.open("rb"), as_attachment=True, content_type="text/plain; charset=utf-8")
