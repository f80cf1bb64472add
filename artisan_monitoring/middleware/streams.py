"""Streaming responses: measured to their end, whichever way they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

from django.http import HttpRequest, StreamingHttpResponse

from ..core.context import Observation
from ..core.guard import guarded
from ..errors.capture import capture_exception

DISCONNECTED = "client_disconnect"

Finish = Callable[[HttpRequest, StreamingHttpResponse, Observation, str, int], None]


class Stream:
    """What is known of a stream while it runs."""

    __slots__ = ("_finish", "_observation", "_request", "_response", "complete", "counted", "error_type", "size_bytes")

    def __init__(
        self, response: StreamingHttpResponse, request: HttpRequest, observation: Observation, finish: Finish
    ) -> None:
        self._response = response
        self._request = request
        self._observation = observation
        self._finish: Finish | None = finish
        self.size_bytes = 0
        self.counted = False
        self.complete = False
        self.error_type = ""

    def close(self) -> None:
        """End the measurement, once. The server closes a response after its last byte, and after a disconnect."""
        finish, self._finish = self._finish, None
        if finish is None:
            return
        if self.counted and not self.complete and not self.error_type:
            self.error_type = DISCONNECTED
        with guarded("streams.close"):
            finish(
                self._request, self._response, self._observation, self.error_type,
                self.size_bytes if self.counted else -1,
            )  # fmt: skip

    def __del__(self) -> None:
        # A response that nobody closed: its request has ended too.
        self.close()

    def broke(self, exc: Exception) -> None:
        """Note that the host's iterator raised: no signal of Django's tells, since the response has begun."""
        self.error_type = f"{type(exc).__module__}.{type(exc).__qualname__}"
        with guarded("streams.capture"):
            capture_exception(exc, handled=False, mechanism="stream", request=self._request)

    def chunks(self, content: Iterator[bytes]) -> Iterator[bytes]:
        """Pass chunks through, counted."""
        try:
            for chunk in content:
                self.size_bytes += len(chunk)
                yield chunk
        except Exception as exc:
            self.broke(exc)
            raise
        self.complete = True

    async def async_chunks(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass chunks of an asynchronous stream through, counted."""
        try:
            async for chunk in content:
                self.size_bytes += len(chunk)
                yield chunk
        except Exception as exc:
            self.broke(exc)
            raise
        self.complete = True


def watch(response: StreamingHttpResponse, request: HttpRequest, observation: Observation, finish: Finish) -> None:
    """Have `finish` called when the response is closed.

    A file's stream is left alone, so that the server may still send it by `sendfile`: its size is not counted.
    """
    stream = Stream(response, request, observation, finish)
    if getattr(response, "file_to_stream", None) is None:
        stream.counted = True
        if response.is_async:
            response.streaming_content = stream.async_chunks(cast("AsyncIterator[bytes]", response.streaming_content))
        else:
            response.streaming_content = stream.chunks(iter(cast("Iterator[bytes]", response.streaming_content)))
    # `HttpResponseBase.close()` calls these: the same list in which `FileResponse` keeps its file.
    vars(response)["_resource_closers"].append(stream.close)
