# SPDX-License-Identifier: Apache-2.0
"""Every parameter of every stage, in the order in which the stages run.

A recipe is made of layers, later ones winning: the defaults, a look, single settings::

    Recipe.of(looks["vibrant"].settings, "exposure.ev=+0.3")

It is a plain value: hashable, comparable, and a TOML text that says everything (`Recipe.to_toml`), so a photo
that carries its recipe can be developed again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from lichtbild.base.errors import RecipeError
from lichtbild.base.params import Params, nearest
from lichtbild.capture.demosaic import Demosaic
from lichtbild.capture.linearize import Linearize
from lichtbild.combine.align import Align
from lichtbild.combine.bracket import Bracket
from lichtbild.combine.merge import Merge
from lichtbild.combine.refine import Refine
from lichtbild.combine.superres import Superres
from lichtbild.correct.calibrate import Calibrate
from lichtbild.correct.denoise import Denoise
from lichtbild.correct.highlights import Highlights
from lichtbild.correct.lens import Lens
from lichtbild.look.aspect import Aspect
from lichtbild.look.exposure import Exposure
from lichtbild.look.grade import Grade
from lichtbild.look.grain import Grain
from lichtbild.look.halation import Halation
from lichtbild.look.look import Look
from lichtbild.look.look import looks as shelf
from lichtbild.look.lut import Lut
from lichtbild.look.rendering import Rendering
from lichtbild.look.tone import Tone
from lichtbild.publish.display import Display
from lichtbild.publish.frame import Frame
from lichtbild.publish.gainmap import Gainmap

Settings = Mapping[str, Mapping[str, Any]]



@dataclass(frozen=True, slots=True)
class Recipe:
    """One field per stage: ``recipe.tone`` holds the knobs of ``tone()``."""

    linearize: Linearize = Linearize()
    align: Align = Align()
    demosaic: Demosaic = Demosaic()
    merge: Merge = Merge()
    bracket: Bracket = Bracket()
    refine: Refine = Refine()
    highlights: Highlights = Highlights()
    denoise: Denoise = Denoise()
    superres: Superres = Superres()
    calibrate: Calibrate = Calibrate()
    lens: Lens = Lens()
    aspect: Aspect = Aspect()
    exposure: Exposure = Exposure()
    tone: Tone = Tone()
    halation: Halation = Halation()
    grade: Grade = Grade()
    rendering: Rendering = Rendering()
    lut: Lut = Lut()
    grain: Grain = Grain()
    display: Display = Display()
    gainmap: Gainmap = Gainmap()
    frame: Frame = Frame()

    @classmethod
    def of(cls, *layers: Recipe | Look | Settings | str) -> Recipe:
        """Lay settings over the defaults, one layer over the other.

        Parameters
        ----------
        *layers : Recipe, Look, mapping or str
            A whole recipe (hides what is below), a look, settings ``{"tone": {"shadows": 0.4}}``, or one
            setting ``"tone.shadows=0.4"``.

        Raises
        ------
        RecipeError
            A stage or knob is unknown, or a value is out of range.
        """
        turned: dict[str, dict[str, Any]] = {stage: {} for stage in stages()}
        for layer in layers:
            where = f"look {layer.name}: " if isinstance(layer, Look) else ""
            for stage, knobs in settings(layer).items():
                turned[known_stage(stage, where)].update(knobs)
        parts: dict[str, Any] = {stage: made(kind, turned[stage]) for stage, kind in stages().items()}
        return cls(**parts)

    @classmethod
    def from_toml(cls, text: str) -> Recipe:
        """The recipe a TOML text describes; what it does not name keeps its default, ``[look]`` is skipped.

        Raises
        ------
        RecipeError
            Not TOML, or a stage, knob or value is wrong.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(
                f"the recipe is not TOML: {error}", hint="a recipe is made of [stage] and knob = value"
            ) from None
        return cls.of({stage: knobs for stage, knobs in tables.items() if stage != "look"})

    def to_toml(self) -> str:
        """Everything, defaults included, as TOML: `from_toml` gives the same recipe back."""
        lines: list[str] = []
        for stage in stages():
            params: Params = getattr(self, stage)
            lines += [
                f"[{stage}]",
                *(f"{k.name} = {toml(getattr(params, k.name))}" for k in params.knobs()),
                "",
            ]
        return "\n".join(lines)


def stages() -> dict[str, type[Params]]:
    """The stages in running order, each with the class of its knobs."""
    kinds: dict[str, Any] = {f.name: type(f.default) for f in fields(Recipe)}
    return kinds


def known_stage(word: str, where: str = "") -> str:
    """`word`, if it is a stage; `where` begins the message.

    Raises
    ------
    RecipeError
        It is not; the message names the nearest that is.
    """
    if word not in stages():
        raise RecipeError(
            f"{where}no stage {word!r}{nearest(word, stages())}", hint=f"the stages are {', '.join(stages())}"
        )
    return word


def settings(layer: Recipe | Look | Settings | str) -> Settings:
    """What one layer sets: stage → knob → value.

    Raises
    ------
    RecipeError
        The layer is a string but not ``stage.knob=value``, or a stage is not given as a table of knobs.
    """
    if isinstance(layer, Look):
        return layer.settings
    if isinstance(layer, Recipe):
        return {
            s: {k.name: getattr(getattr(layer, s), k.name) for k in kind.knobs()}
            for s, kind in stages().items()
        }
    if isinstance(layer, str):
        name, equals, value = layer.partition("=")
        stage, dot, knob = name.strip().partition(".")
        if not (equals and dot and stage and knob and value.strip()):
            raise RecipeError(
                f"{layer!r} is not a setting; a setting is stage.knob=value",
                hint="for example exposure.ev=+0.3; `lichtbild knobs` lists them all",
            )
        return {stage: {knob: value.strip()}}
    for stage, knobs in layer.items():
        if not isinstance(knobs, Mapping):
            raise RecipeError(
                f"{stage} = {knobs!r} is not a table of knobs", hint=f"write [{stage}] and knob = value below"
            )
    return layer


def made(kind: type[Params], knobs: Mapping[str, Any]) -> Params:
    """The parameters of one stage with `knobs` turned.

    Raises
    ------
    RecipeError
        A knob is unknown or its value is wrong.
    """
    stage, names = kind.stage(), [k.name for k in kind.knobs()]
    hint = f"`lichtbild knobs {stage}` shows what {stage} can do"
    for name in knobs:
        if name not in names:
            raise RecipeError(f"no knob {stage}.{name}{nearest(name, names)}", hint=hint)
    try:
        return kind(**knobs)
    except RecipeError as error:
        error.hint = error.hint or hint
        raise


def toml(value: float | int | str) -> str:
    """A number or word as a TOML value."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


class Looks(Mapping[str, Recipe]):
    """The looks as whole recipes, by name: the built-in ones, then the user's own."""

    def __getitem__(self, name: str) -> Recipe:
        return Recipe.of(shelf[name])

    def __iter__(self) -> Iterator[str]:
        return iter(shelf)

    def __len__(self) -> int:
        return len(shelf)


looks = Looks()
