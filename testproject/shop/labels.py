"""Parcel labels, printed in a thread of their own: the buyer does not wait for the printer."""

from __future__ import annotations

import threading

# What the imagined printer's roll has room for; a bigger parcel finds nobody who catches its error.
PIECES_ON_A_LABEL = 8


class LabelTooShort(ValueError):
    """The parcel holds more than one label can list."""


def print_label(reference: str, pieces: int) -> None:
    """Print the label of an order's parcel, without waiting for it."""
    threading.Thread(target=_print, args=(reference, pieces), name="label-printer", daemon=True).start()


def _print(reference: str, pieces: int) -> None:
    if pieces > PIECES_ON_A_LABEL:
        raise LabelTooShort(f"{pieces} pieces of {reference} do not fit on a label of {PIECES_ON_A_LABEL}")
