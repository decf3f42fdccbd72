# SPDX-License-Identifier: Apache-2.0
"""What ``@stage`` does: time the call, sign the history, show the image to whoever watches.

A stage that returns its input untouched (neutral means *the same object*) leaves no trace in the history.
Frames of a burst are made on demand inside other stages, so every figure is a stage's *own* time: what it
spent in stages called by it is theirs.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, replace
from typing import Any, ParamSpec, TypeVar

from lichtbild.base.params import Params

P = ParamSpec("P")
T = TypeVar("T")
Watcher = Callable[[str, Any, float], None]

_watchers: ContextVar[tuple[Watcher, ...]] = ContextVar("watchers", default=())
_inner: ContextVar[list[float]] = ContextVar("inner")


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call ``watcher(stage, image, seconds)`` after every stage run inside the block."""
    token = _watchers.set((*_watchers.get(), watcher))
    try:
        yield
    finally:
        _watchers.reset(token)


def timed(name: str, make: Callable[[], T]) -> T:
    """Run `make`, tell the watchers its own time, and return what it made."""
    below: list[float] = []
    token = _inner.set(below)
    start = time.perf_counter()
    try:
        made = make()
    finally:
        _inner.reset(token)
    total = time.perf_counter() - start
    if (above := _inner.get(None)) is not None:
        above.append(total)
    for watcher in _watchers.get():
        watcher(name, made, total - sum(below))
    return made


def signature(name: str, params: Params) -> str:
    """``merge trust=3 …`` with the knobs that differ from their defaults."""
    turned = [
        f"{f.name}={getattr(params, f.name)}" for f in fields(params) if getattr(params, f.name) != f.default
    ]
    return " ".join([name, *turned])


def stage(function: Callable[P, T]) -> Callable[P, T]:
    """Make a function of images a stage of the pipeline."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        made: Any = timed(function.__name__, lambda: function(*args, **kwargs))
        if made is args[0] or not hasattr(made, "history"):
            return made
        params = next((a for a in (*kwargs.values(), *args[::-1]) if isinstance(a, Params)), Params())
        return replace(made, history=(*made.history, signature(function.__name__, params)))

    return run
