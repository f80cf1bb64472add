"""The secrets that a test plants: made of a seed, so that the shop and the test know the same ones."""

from __future__ import annotations

import base64
from hashlib import sha256

SEED = "20261123"


def secret(kind: str, number: int) -> str:
    """Return the secret of a kind and a number: 16 to 40 letters and digits, with no shape of its own."""
    digest = sha256(f"{SEED}:{kind}:{number}".encode()).digest()
    return base64.b32encode(digest).decode().rstrip("=").swapcase()[: 16 + digest[0] % 25]
