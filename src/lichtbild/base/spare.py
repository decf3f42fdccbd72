# SPDX-License-Identifier: Apache-2.0
"""Spare arrays: memory that nobody holds any more is given out again.

Fresh pages have to be cleared by the system, which at 12 megapixels costs more than most kernels compute.
Frames of a burst are made one after the other and dropped; here the next one gets the memory of the last.  An
array counts as dropped when only this object refers to it (views count), so whoever keeps a frame keeps its
pixels.

Inside `reusing`, stages do the same: `like` gives one the memory that an earlier one's image had.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Spare:
    """Gives out uninitialised arrays, if possible those that were given out before and dropped since.

    Dropped ones of another kind are kept for later, unless all are said to be `alike`.
    """

    def __init__(self, *, alike: bool = False) -> None:
        self._alike = alike
        self._given: list[NDArray[Any]] = []

    def empty(self, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
        """An array like ``np.empty(shape, dtype)``; further ones of its kind that were dropped are let go."""
        kept: list[NDArray[Any]] = []
        found: NDArray[Any] | None = None
        while self._given:
            array = self._given.pop()
            fits = array.shape == shape and array.dtype == dtype
            held = sys.getrefcount(array) > 2  # this name and the argument
            if held or not (fits or self._alike):
                kept.append(array)
            elif fits and found is None:
                found = array
        if found is None:
            found = np.empty(shape, dtype)
        self._given = [*kept, found]
        return found


_spare: ContextVar[Spare | None] = ContextVar("spare", default=None)


@contextmanager
def reusing() -> Iterator[None]:
    """Let the stages run inside the block have the memory of images that nobody holds any more."""
    token = _spare.set(Spare(alike=True))
    try:
        yield
    finally:
        _spare.reset(token)


def like(array: NDArray[Any]) -> NDArray[Any]:
    """``np.empty_like(array)`` for a stage's result; inside `reusing`, memory that was dropped."""
    spare = _spare.get()
    return np.empty_like(array) if spare is None else spare.empty(array.shape, array.dtype.type)
