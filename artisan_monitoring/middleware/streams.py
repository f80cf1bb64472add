"""Streaming responses: read under the request they belong to, and measured to their end, whichever way they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

from django.http import HttpRequest, StreamingHttpResponse

from ..core.context import Observation, within
from ..core.guard import guarded

DISCONNECTED = "client_disconnect"

Finish = Callable[[HttpRequest, StreamingHttpResponse, Observation], None]


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
        if self.counted:
            self._observation.size_bytes = self.size_bytes
            if not self.complete and not self.error_type:
                self.error_type = DISCONNECTED
        self._observation.error_type = self.error_type
        with guarded("streams.close"), within(self._observation):
            finish(self._request, self._response, self._observation)

    def __del__(self) -> None:
        # A response that nobody closed: its request has ended too.
        self.close()

    def broke(self, exc: Exception) -> None:
        """Note that the host's iterator raised: no signal of Django's tells, since the response has begun."""
        self.error_type = f"{type(exc).__module__}.{type(exc).__qualname__}"
        with guarded("streams.capture"), within(self._observation):
            from ..errors.capture import capture_exception  # as in errors.wiring: not before there is an error

            capture_exception(exc, handled=False, mechanism="stream", request=self._request)

    def chunks(self, content: Iterator[bytes]) -> Iterator[bytes]:
        """Pass chunks through, counted."""
        try:
            for chunk in chunks_within(self._observation, content):
                self.size_bytes += len(chunk)
                yield chunk
        except Exception as exc:
            self.broke(exc)
            raise
        self.complete = True

    async def async_chunks(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass chunks of an asynchronous stream through, counted."""
        try:
            async for chunk in async_chunks_within(self._observation, content):
                self.size_bytes += len(chunk)
                yield chunk
        except Exception as exc:
            self.broke(exc)
            raise
        self.complete = True


def watch(response: StreamingHttpResponse, request: HttpRequest, observation: Observation, finish: Finish) -> None:
    """Have `finish` called, under the request's context, when the response is closed.

    A file's stream is left alone, so that the server may still send it by `sendfile`: its size is not counted.
    """
    stream = Stream(response, request, observation, finish)
    if wrap(response, stream.chunks, stream.async_chunks):
        stream.counted = True
    on_close(response, stream.close)


def wrap(
    response: StreamingHttpResponse,
    chunks: Callable[[Iterator[bytes]], Iterator[bytes]],
    async_chunks: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]],
) -> bool:
    """Put a generator around a response's content; return whether it was: a file is left to the server."""
    if getattr(response, "file_to_stream", None) is not None:
        return False
    content = response.streaming_content
    if response.is_async:
        response.streaming_content = async_chunks(aiter(cast("AsyncIterator[bytes]", content)))
    else:
        response.streaming_content = chunks(iter(cast("Iterator[bytes]", content)))
    return True


def on_close(response: StreamingHttpResponse, call: Callable[[], None]) -> None:
    """Have something called by `response.close()`: after the last byte or a disconnect; some servers do it twice."""
    # The same list in which `FileResponse` keeps its file.
    vars(response)["_resource_closers"].append(call)


def chunks_within(observation: Observation, content: Iterator[bytes]) -> Iterator[bytes]:
    """Pass chunks on, each made under the request's context: its queries are counted, its log lines carry its ids.

    The server reads them when that context is gone, and may begin another request before the last one.
    """
    while True:
        with within(observation):
            try:
                chunk = next(content)
            except StopIteration:
                return
        yield chunk


async def async_chunks_within(observation: Observation, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass chunks of an asynchronous stream on, each made under the request's context."""
    while True:
        with within(observation):
            try:
                chunk = await anext(content)
            except StopAsyncIteration:
                return
        yield chunk
