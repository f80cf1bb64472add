"""Build the full sample of one occurrence: the chain with frames, source and variables, the request, the context."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import CO_COROUTINE
from itertools import islice
from types import FrameType

import django

from ..conf import get_settings
from ..core import context, trail
from ..core.fingerprints import ExceptionPart
from ..core.folding import fold, trim
from ..core.guard import guarded
from ..core.redaction import MASK, Redactor
from ..core.reprs import SafeRepr, clean_text
from ..core.stacks import Link, notes_of, text_size
from ..pipeline.overhead import overhead
from .event import Event
from .reading import Reading
from .requests import summarise
from .scope import context_of
from .templates import Shown
from .trails import render

# A sample is at most 64 KiB: the parts below, and at most ~12 KiB of request and context.
STACK_SIZE = 44_000
CONTEXT_SIZE = 6_000
# Variables of the project's own frames and of the innermost of a library: what Django's handlers hold helps nobody.
LIBRARY_FRAMES_WITH_LOCALS = 2
LOCALS = 25
# Foreign reprs may be slow (a data frame of a million rows): after this long, no more are asked for.
LOCALS_BUDGET_S = 0.02
# Of processor time: where the machine is busy with something else, it may take ten times that, and no longer.
LONGEST_WAIT = 10

DATABASE_CODE = ("django.db.backends", "django.db.models.sql", "django.db.utils", "psycopg", "MySQLdb", "oracledb")
SHOWN_OF_DATABASE = ("sql", "many")
"""In the frames of database code the other variables are parameters, or hold them under names that tell nothing."""

_EVERYTHING = "__ALL__"
_QUICK = frozenset({str, int, float, bool, type(None)})
_WRAPPER = "sensitive_variables_wrapper"


@dataclass(slots=True)
class Budget:
    """How many bytes of frames and how much time a sample may still take."""

    size: int = STACK_SIZE
    until: float = field(default_factory=lambda: time.perf_counter() + LOCALS_BUDGET_S)
    _used: float = field(default_factory=time.thread_time)

    def spent(self) -> bool:
        """Say whether the time is up."""
        late_s = time.perf_counter() - self.until
        if late_s <= 0:
            return False
        busy_s = time.thread_time() - self._used
        return busy_s > LOCALS_BUDGET_S or late_s > LOCALS_BUDGET_S * (LONGEST_WAIT - 1)

    def takes(self, size: int) -> bool:
        """Take a size off, and say whether it fits."""
        if size > self.size:
            return False
        self.size -= size
        return True


def details(reading: Reading, event: Event, clock: float, redactor: Redactor) -> dict[str, object]:
    """Return the sample's parts, JSON-able and redacted: `exception`, `runtime`, and where there are any `request`,
    `context`, `tags`, `task` and `trail`. `clock` is when it happened, by `perf_counter`.
    """
    budget = Budget()
    left_out = event.leave_out
    wanted = get_settings().ERRORS.LOCALS and "locals" not in left_out and not overhead.off("locals")
    show = SafeRepr(redactor) if wanted else None
    sample: dict[str, object] = {
        "exception": [
            _exception(link, part, frames, show, budget, redactor)
            for link, part, frames in zip(reading.links, reading.parts, reading.shown, strict=True)
        ],
        "runtime": {**_runtime(), "process": os.getpid(), "thread": clean_text(threading.current_thread().name, 100)},
    }
    if event.request is not None and "request" not in left_out:
        with guarded("errors.request"):
            sample["request"] = summarise(event.request, redactor)
    if "context" not in left_out:
        with guarded("errors.context"):
            extra = context_of([link.exc for link in reading.links], event.context)
            if extra:
                sample["context"] = _context(extra, redactor)
    if event.tags:
        sample["tags"] = event.tags
    if "trail" not in left_out:
        _add_trail(sample, clock, redactor)
    name = context.task.get()
    if name:
        sample["task"] = clean_text(redactor.text(name), 200)
    return sample


def _add_trail(sample: dict[str, object], clock: float, redactor: Redactor) -> None:
    observation = trail.running()
    if observation is None or observation.trail is None:
        return
    with guarded("errors.trail"):
        shown = render(observation, redactor)
        if shown:
            sample["trail"] = shown
            sample["trail_at"] = round(clock - observation.started, 6)


def new_event_id() -> str:
    """Return the id under which a sample is stored once, however often it is delivered: 128 random bits."""
    return os.urandom(16).hex()


def _exception(
    link: Link, part: ExceptionPart, shown: Sequence[Shown], show: SafeRepr | None, budget: Budget, redactor: Redactor
) -> dict[str, object]:
    visible = [each for each in shown if not each[0].hidden]
    kept, left_out = trim(fold([id(line) for line, _ in visible]))
    frames = _frames([(visible[index], times) for index, times in kept], show, budget)
    exception: dict[str, object] = {
        "type": part.type,
        "message": clean_text(part.message, 4_000),
        "relation": link.relation,
        "parent": link.parent,
        "frames": frames,
    }
    if left_out:
        exception["left_out"] = left_out
    if notes := notes_of(link.exc):
        exception["notes"] = [redactor.text(note) for note in notes]
    return exception


def _frames(kept: Sequence[tuple[Shown, int]], show: SafeRepr | None, budget: Budget) -> list[dict[str, object]]:
    """Return the frames as stored, outermost first. Built from the innermost out, which matter most if space ends."""
    hidden = _hidden_names([shown[1][0] if shown[1] else None for shown, _ in kept])
    frames: list[dict[str, object]] = []
    for position in range(len(kept) - 1, -1, -1):
        (line, entry), times = kept[position]
        frame = line.as_json()
        if not budget.takes(line.size):
            frame.pop("source", None)
        if times > 1:
            frame["repeated"] = times
        wanted = line.in_app or position >= len(kept) - LIBRARY_FRAMES_WITH_LOCALS
        if show is not None and entry is not None and wanted and not budget.spent():
            variables = _locals(entry[0], hidden[position], show, budget)
            if variables and budget.takes(text_size(variables.values())):
                frame["locals"] = variables
        frames.append(frame)
    frames.reverse()
    return frames


def _locals(frame: FrameType, hidden: object, show: SafeRepr, budget: Budget) -> dict[str, str]:
    if frame.f_code.co_name == "<module>":
        return {}  # a module's globals: imports and definitions, not what led here
    variables: dict[str, str] = {}
    of_database = str(frame.f_globals.get("__name__")).startswith(DATABASE_CODE)
    named, spent = show.named, budget.spent
    for name, value in islice(frame.f_locals.items(), LOCALS):
        if of_database and name not in SHOWN_OF_DATABASE:
            continue
        if type(value) not in _QUICK and spent():
            variables["…"] = "no more time"
            break
        masked = hidden and (hidden == _EVERYTHING or name in hidden)  # type: ignore[operator]
        shown = name if name.isascii() and len(name) <= 100 else clean_text(name, 100)
        variables[shown] = MASK if masked else named(name, value)
    return variables


def _hidden_names(frames: Sequence[FrameType | None]) -> list[object]:
    """Return for each frame what Django's `sensitive_variables` hides there: names, or `"__ALL__"`.

    As in Django, the decorator covers what the function calls, too. Of a coroutine function it is a mark kept aside.
    """
    debug = sys.modules.get("django.views.decorators.debug")
    if debug is None:  # nobody uses the decorator
        return [()] * len(frames)
    coroutines = debug.coroutine_functions_to_sensitive_variables
    above = next((frame.f_back for frame in frames if frame is not None), None)
    current: object = ()
    while above is not None and not current:
        code = above.f_code
        if code.co_name == _WRAPPER or code.co_flags & CO_COROUTINE:
            current = _marked(above, coroutines)
        above = above.f_back
    hidden: list[object] = []
    for frame in frames:
        if frame is not None:
            is_wrapper = frame.f_code.co_name == _WRAPPER
            if is_wrapper or frame.f_code.co_flags & CO_COROUTINE:
                current = _marked(frame, coroutines) or current
            hidden.append(_EVERYTHING if is_wrapper else current)
        else:
            hidden.append(current)
    return hidden


def _marked(frame: FrameType, coroutines: Mapping[int, object]) -> object:
    code = frame.f_code
    if code.co_name == _WRAPPER:
        wrapper = frame.f_locals.get("sensitive_variables_wrapper")
        return getattr(wrapper, "sensitive_variables", ())
    if coroutines:
        return coroutines.get(hash(f"{code.co_filename}:{code.co_firstlineno}"), ())
    return ()


def _context(extra: Mapping[str, object], redactor: Redactor) -> dict[str, str]:
    """Return the caller's context as text by key, within its share of the sample."""
    show = SafeRepr(redactor)
    shown: dict[str, str] = {}
    size = 0
    for key, value in list(dict(extra).items())[:50]:
        name = clean_text(str(key), 100)
        text = str.__str__(value) if type(value) is str else None
        shown[name] = (
            clean_text(redactor.text(text), 1_000)
            if text is not None and not redactor.is_secret_key(name)
            else show.named(name, value)
        )
        size += len(name) + len(shown[name])
        if size > CONTEXT_SIZE:
            break
    return shown


@lru_cache(maxsize=1)
def _runtime() -> dict[str, object]:
    return {"python": platform.python_version(), "django": django.get_version()}
