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
        """An array like ``np.empty(shape, dtype)``."""
        for k in range(len(self._given)):
            # two references: the list's and the argument's
            if (
                sys.getrefcount(self._given[k]) == 2
                and self._given[k].shape == shape
                and self._given[k].dtype == dtype
            ):
                return self._given[k]
        self._given.append(np.empty(shape, dtype))
        return self._given[-1]
