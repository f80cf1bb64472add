"""A strict Content-Security-Policy on every response, the admin's and the monitoring pages' too."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.utils.decorators import sync_and_async_middleware

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def _protect(response):
    # Django's own debug pages carry inline styles and scripts; they appear with DEBUG only.
    if not (settings.DEBUG and response.status_code in {404, 500}):
        response.headers.setdefault("Content-Security-Policy", POLICY)
    return response


@sync_and_async_middleware
def content_security_policy(get_response):
    """Set the policy; no page of this project has an inline script, an inline style or a foreign address."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            return _protect(await get_response(request))

    else:

        def middleware(request):
            return _protect(get_response(request))

    return middleware
