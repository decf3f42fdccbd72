# SPDX-License-Identifier: Apache-2.0
"""``lichtbild simulate chart NAME``: a chart of the laboratory to print, or as a simulated camera sees it."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from lichtbild.base.errors import ExportError
from lichtbild.base.params import nearest
from lichtbild.tools.outcome import DONE, UsageError
from lichtbild.tools.simulate import count_of, parts, shoot
from lichtbild.tools.talk import Talk

if TYPE_CHECKING:
    from lichtbild.base.image import Burst
    from lichtbild.quality.charts import Chart
    from lichtbild.simulate import Truth

EXAMPLE = "for example lichtbild simulate chart lab -o lab.png, or -o lab.dng for a simulated raw"


def simulate_chart(args: Namespace, size: tuple[int, int], talk: Talk) -> int:
    """Write one chart as ``args.output``: a picture to print, a raw file with its truth, or a burst.

    Raises
    ------
    UsageError
        There is no chart of this name, or no output.
    """
    from lichtbild.quality.charts import CHARTS
    from lichtbild.simulate.charts.paper import SUFFIXES, save_sheet

    if args.name not in CHARTS:
        said = f"chart {args.name!r} is not one of" if args.name else "give the name of a chart:"
        raise UsageError(f"{said} {', '.join(CHARTS)}{nearest(args.name or '', CHARTS)}", hint=EXAMPLE)
    if not args.output:
        raise UsageError("-o FILE says where the chart goes", hint=EXAMPLE)
    chart, path = CHARTS[args.name], Path(args.output)
    kind = path.suffix.lower()
    if kind not in ("", ".dng", *SUFFIXES):
        raise ExportError(
            f"{path}: {kind} is no format for charts; allowed are .dng, {', '.join(SUFFIXES)}, or a folder"
        )
    if kind in SUFFIXES:
        if args.name == "ladder":
            talk.warn("this chart shines: the light of its steps cannot be printed, only simulated (.dng)")
        made = [save_sheet(chart, size, path, overwrite=args.overwrite)]
    else:
        made = photographed(args, chart, path, size=size, talk=talk)
    for file in made:
        talk.result(str(file))
    talk.document({"chart": chart.name, "files": [str(file) for file in made]})
    return DONE


def photographed(
    args: Namespace, chart: Chart, path: Path, *, size: tuple[int, int], talk: Talk
) -> list[Path]:
    """A raw file with its truth beside it, or a folder with several."""
    from lichtbild.simulate import write
    from lichtbild.simulate.camera import camera
    from lichtbild.simulate.charts import painted, place, spectral

    count = 1 if path.suffix else count_of(args)
    there = [path, path.with_suffix(".json")] if path.suffix else list(path.glob("frame_*.dng"))
    if any(file.exists() for file in there) and not args.overwrite:
        raise ExportError(f"{path} exists", hint="--overwrite replaces it, or give another name")
    colours = spectral(chart, camera(size, args.iso, **parts(args)).filters, args.light)
    scene = painted(place(chart, size[1] / size[0]), colours)
    taken, truth = shoot(args, scene, size, count=count, talk=talk)
    if not path.suffix:
        return write(path, taken, truth)
    return _one(path, taken, truth, chart, overwrite=args.overwrite)


def _one(path: Path, taken: Burst, truth: Truth, chart: Chart, *, overwrite: bool) -> list[Path]:
    from lichtbild.base.tiff import write_file
    from lichtbild.publish.dng import write_mosaic
    from lichtbild.simulate.record import described

    frame = taken.frames[0]
    write_mosaic(path, frame.dn, frame.shot, overwrite=overwrite)
    told = described(truth)
    for element, known in zip(told["chart"]["elements"], chart.elements, strict=True):
        element["settings"] = dict(known.settings)
    text = json.dumps(told, indent=1).encode()
    return [path, write_file(path.with_suffix(".json"), [text], overwrite=overwrite)]
