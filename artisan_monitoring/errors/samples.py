"""Build the full sample of one occurrence: the chain with frames, source and variables, the request, the context."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

import django
from django.http import HttpRequest

from ..conf import get_settings
from ..core import context
from ..core.fingerprints import ExceptionPart
from ..core.folding import fold, trim
from ..core.guard import guarded
from ..core.redaction import MASK, Redactor
from ..core.reprs import SafeRepr, clean_text
from ..core.stacks import Link, notes_of
from ..pipeline.overhead import overhead
from .requests import summarise
from .templates import Shown

# A sample is at most 64 KiB: the parts below, and at most ~12 KiB of request and context.
STACK_SIZE = 44_000
CONTEXT_SIZE = 6_000
# Variables of the project's own frames and of the innermost of a library: what Django's handlers hold helps nobody.
LIBRARY_FRAMES_WITH_LOCALS = 2
LOCALS = 25
# Foreign reprs may be slow (a data frame of a million rows): after this long, no more are asked for.
LOCALS_BUDGET_S = 0.02

DATABASE_CODE = ("django.db.backends", "django.db.models.sql", "django.db.utils", "psycopg", "MySQLdb", "oracledb")
SHOWN_OF_DATABASE = ("sql", "many")
"""In the frames of database code the other variables are parameters, or hold them under names that tell nothing."""

_EVERYTHING = "__ALL__"


@dataclass(slots=True)
class Budget:
    """How many bytes of frames and how much time a sample may still take."""

    size: int
    until: float

    def takes(self, texts: Sequence[str]) -> bool:
        """Take the texts' size off, and say whether they fit. Text that is not ASCII counts triple."""
        cost = sum(len(text) if text.isascii() else 3 * len(text) for text in texts) + 4 * len(texts)
        if cost > self.size:
            return False
        self.size -= cost
        return True


def details(
    links: Sequence[Link],
    parts: Sequence[ExceptionPart],
    shown: Sequence[Sequence[Shown]],
    request: HttpRequest | None,
    extra: Mapping[str, object] | None,
    redactor: Redactor,
) -> dict[str, object]:
    """Return `{"exception": [...], "request": {...}, "context": {...}, "runtime": {...}}`, JSON-able and redacted."""
    budget = Budget(STACK_SIZE, time.perf_counter() + LOCALS_BUDGET_S)
    show = SafeRepr(redactor) if get_settings().ERRORS.LOCALS and not overhead.off("locals") else None
    sample: dict[str, object] = {
        "exception": [
            _exception(link, part, frames, show, budget, redactor)
            for link, part, frames in zip(links, parts, shown, strict=True)
        ],
        "runtime": _runtime(),
    }
    if request is not None:
        with guarded("errors.request"):
            sample["request"] = summarise(request, redactor)
    if extra:
        with guarded("errors.context"):
            sample["context"] = _context(extra, redactor)
    task = context.task.get()
    if task:
        sample["task"] = clean_text(redactor.text(task), 200)
    return sample


def new_event_id() -> str:
    """Return the id under which a sample is stored once, however often it is delivered."""
    return uuid.uuid4().hex


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
        if not budget.takes(line.source):
            frame.pop("source", None)
        if times > 1:
            frame["repeated"] = times
        wanted = line.in_app or position >= len(kept) - LIBRARY_FRAMES_WITH_LOCALS
        if show is not None and entry is not None and wanted and time.perf_counter() < budget.until:
            variables = _locals(entry[0], hidden[position], show, budget)
            if variables and budget.takes(list(variables.values())):
                frame["locals"] = variables
        frames.append(frame)
    frames.reverse()
    return frames


def _locals(frame: FrameType, hidden: object, show: SafeRepr, budget: Budget) -> dict[str, str]:
    if frame.f_code.co_name == "<module>":
        return {}  # a module's globals: imports and definitions, not what led here
    variables: dict[str, str] = {}
    of_database = str(frame.f_globals.get("__name__")).startswith(DATABASE_CODE)
    for name, value in list(frame.f_locals.items())[:LOCALS]:
        if of_database and name not in SHOWN_OF_DATABASE:
            continue
        if time.perf_counter() > budget.until:
            variables["…"] = "no more time"
            break
        masked = hidden == _EVERYTHING or (hidden and name in hidden)  # type: ignore[operator]
        variables[clean_text(name, 100)] = MASK if masked else show.named(name, value)
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
        current = _marked(above, coroutines)
        above = above.f_back
    hidden: list[object] = []
    for frame in frames:
        if frame is not None:
            current = _marked(frame, coroutines) or current
            hidden.append(_EVERYTHING if frame.f_code.co_name == "sensitive_variables_wrapper" else current)
        else:
            hidden.append(current)
    return hidden


def _marked(frame: FrameType, coroutines: Mapping[int, object]) -> object:
    code = frame.f_code
    if code.co_name == "sensitive_variables_wrapper":
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


def _runtime() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "django": django.get_version(),
        "process": os.getpid(),
        "thread": clean_text(threading.current_thread().name, 100),
    }
