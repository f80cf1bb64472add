"""What every channel is: something that takes a message or raises."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..messages import AlertMessage


class Channel(ABC):
    """A place where alerts are told. Options arrive as keyword arguments of the constructor."""

    @abstractmethod
    def send(self, message: AlertMessage) -> None:
        """Hand over the message within about ten seconds.

        Return once the other side has taken it; raise anything if it has not: the message is tried again later. The
        same message may come twice (`message.key` is then the same), never not at all.
        """
