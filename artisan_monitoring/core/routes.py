"""How a route is spelled: one way in metrics, errors and security events, so that they can be joined by it."""

from __future__ import annotations


def route_template(route: str) -> str:
    """Return the route template with its leading slash, which Django leaves out of `path()` routes."""
    return route if route.startswith(("/", "^")) else f"/{route}"
