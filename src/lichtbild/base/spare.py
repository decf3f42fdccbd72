# SPDX-License-Identifier: Apache-2.0
"""Spare arrays: memory that nobody holds any more is given out again.

Fresh pages have to be cleared by the system, which at 12 megapixels costs more than most kernels compute.
Frames of a burst are made one after the other and dropped; here the next one gets the memory of the last.  An
array counts as dropped when only this object refers to it (views count), so whoever keeps a frame keeps its
pixels.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Spare:
    """Gives out uninitialised arrays, if possible those that were given out before and dropped since."""

    def __init__(self) -> None:
        self._given: list[NDArray[Any]] = []

    def empty(self, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
        """An array like ``np.empty(shape, dtype)``; further ones of its kind that were dropped are let go."""
        kept: list[NDArray[Any]] = []
        found: NDArray[Any] | None = None
        while self._given:
            array = self._given.pop()
            fits = array.shape == shape and array.dtype == dtype
            if not fits or sys.getrefcount(array) > 2:  # this name and the argument
                kept.append(array)
            elif found is None:
                found = array
        if found is None:
            found = np.empty(shape, dtype)
        self._given = [*kept, found]
        return found
