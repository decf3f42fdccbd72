# SPDX-License-Identifier: Apache-2.0
"""The compiled kernels: the best build this processor can run, chosen once.

``kernels.merge(...)`` calls ``kernels/merge.cpp``.  Arrays go in C-contiguous and outputs are allocated by
the caller. Set ``LICHTBILD_CPU=sse41|avx2|avx512`` to force a level; all of them give the same bytes.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

from lichtbild.base.errors import LichtbildError

LEVELS = ("sse41", "avx2", "avx512")


def _module(level: str) -> ModuleType:
    return importlib.import_module(f"lichtbild.base._kernels_{level}")


def _load() -> tuple[ModuleType, str]:
    try:
        baseline = _module("sse41")
    except ModuleNotFoundError:  # not x86-64: one portable build
        return _module("base"), "base"
    best: str = baseline.cpu_level()
    wanted = os.environ.get("LICHTBILD_CPU", best)
    if wanted not in LEVELS:
        raise LichtbildError(f"LICHTBILD_CPU = {wanted!r} is no level; choose one of {', '.join(LEVELS)}")
    if LEVELS.index(wanted) > LEVELS.index(best):
        raise LichtbildError(f"LICHTBILD_CPU = {wanted}, but this processor only has {best}")
    return (baseline if wanted == "sse41" else _module(wanted)), wanted


_kernels, level = _load()


def __getattr__(name: str) -> Any:
    return getattr(_kernels, name)
