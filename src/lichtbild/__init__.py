# SPDX-License-Identifier: Apache-2.0
"""Raw bursts in, finished photographs out.

::

    import lichtbild as lb
    burst = lb.read_burst("shots/0042/")
    photo = lb.develop(burst, lb.looks["natural"])
    lb.save(photo, "0042.jpg")

Importing the package loads nothing; every name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lichtbild.base.version import __version__

if TYPE_CHECKING:
    from lichtbild.base.errors import ExportError, InputError, LichtbildError, LichtbildWarning, RecipeError
    from lichtbild.base.image import Burst, Flow, Frames, Mosaic, Noise, RawFrame, Scene, Shot
    from lichtbild.base.photo import GainMap, Photo
    from lichtbild.base.stage import watching
    from lichtbild.capture.burst import gather, group, read_burst
    from lichtbild.capture.raw import read_raw
    from lichtbild.pipeline import develop, finish, merged
    from lichtbild.publish.dng import write_merged
    from lichtbild.publish.photo import save, save_linear
    from lichtbild.recipe import Recipe, looks

_HOMES = {
    "base.errors": ("ExportError", "InputError", "LichtbildError", "LichtbildWarning", "RecipeError"),
    "base.image": ("Burst", "Flow", "Frames", "Mosaic", "Noise", "RawFrame", "Scene", "Shot"),
    "base.photo": ("GainMap", "Photo"),
    "base.stage": ("watching",),
    "capture.burst": ("gather", "group", "read_burst"),
    "capture.raw": ("read_raw",),
    "pipeline": ("develop", "finish", "merged"),
    "publish.dng": ("write_merged",),
    "publish.photo": ("save", "save_linear"),
    "recipe": ("Recipe", "looks"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Burst",
    "ExportError",
    "Flow",
    "Frames",
    "GainMap",
    "InputError",
    "LichtbildError",
    "LichtbildWarning",
    "Mosaic",
    "Noise",
    "Photo",
    "RawFrame",
    "Recipe",
    "RecipeError",
    "Scene",
    "Shot",
    "__version__",
    "develop",
    "finish",
    "gather",
    "group",
    "looks",
    "merged",
    "read_burst",
    "read_raw",
    "save",
    "save_linear",
    "watching",
    "write_merged",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        if name.startswith("__"):
            raise AttributeError(name)
        from lichtbild.base.params import nearest

        raise AttributeError(f"lichtbild has no public name {name!r}{nearest(name, _HOME)}")
    value = globals()[name] = getattr(importlib.import_module(f"lichtbild.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
