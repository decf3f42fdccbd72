# SPDX-License-Identifier: Apache-2.0
"""Who reads our files: every format asked of every reader there is, pixels compared where it gives them.

    python benchmarks/formats.py [--page docs/reference/formats.md] [--keep FOLDER]

One simulated burst is developed into every format; the 16-bit PNGs (PQ and ordinary), read by nothing but
zlib, are the truth.  Readers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from lichtbild.base.colour import P3, REC2020, pq_decode, rgb_to_rgb
from lichtbild.tools.cli import call

SIZE = "240x360"
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
FLAGS += "--disable-component-update --disable-sync --hide-scrollbars --force-color-profile=srgb"

PAGE = """# Who reads our files

Written by `python benchmarks/formats.py --page docs/reference/formats.md`: one simulated burst as every
format, read by others. Pixels: mean / largest difference from a 16-bit PNG of the same photo, in percent of
the range; light: in EV. Formats with loss at quality 92. A reader that only tells of a file was not asked for
its pixels. PQ spends half of its codes on the darkest thousandth of its light: a large difference in percent
may be a small one to the eye. Chromium shows PQ and HLG on an ordinary display by a tone curve of its own.

"""


def made(folder: Path) -> None:
    """The files: o.* as by default, s.png and p.png (16 bits) as truth, o_hlg.avif, o_sdr.avif, p.tif."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        burst, o = str(folder / "burst"), str(folder / "o")
        assert call(["simulate", burst, "--size", SIZE, "--frames", "3", "--quiet"]) == 0
        many = [w for s in ("avif", "heic", "jxl", "png", "tif") for w in ("--also", f".{s}")]
        for words in (
            ["-o", f"{o}.jpg", *many],
            ["-o", str(folder / "s.png"), "--depth", "16", "--hdr", "none"],
            ["-o", str(folder / "p.png"), "--depth", "16", "--hdr", "pq", "--also", str(folder / "p.tif")],
            ["-o", f"{o}_hlg.avif", "--hdr", "hlg"],
            ["-o", f"{o}_sdr.avif", "--hdr", "none"],
        ):
            assert call(["develop", burst, *words, "--quiet"]) == 0, words


def truth(path: Path) -> np.ndarray:
    """Samples 0 … 1 of a PNG of ours: rows filtered by the row above."""
    import zlib

    raw, at, packed = path.read_bytes(), 8, b""
    w, h, bits = int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big"), raw[24]
    while at < len(raw):
        n = int.from_bytes(raw[at : at + 4], "big")
        packed += raw[at + 8 : at + 8 + n] if raw[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + n
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(h, -1)[:, 1:]
    whole = np.cumsum(rows, axis=0, dtype=np.uint8)
    return whole.view(">u2" if bits == 16 else "u1").reshape(h, w, 3) / (2**bits - 1)


def apart(codes: np.ndarray, wanted: np.ndarray, top: float) -> str:
    """Mean and largest difference, in percent of the range."""
    d = np.abs(np.asarray(codes, np.float64)[..., :3] / top - wanted) * 100
    return f"{d.mean():.2f} / {d.max():.2f} %"


def told(*words: object) -> str:
    """What a program prints."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120, check=False)
    return (done.stdout + done.stderr).strip()


def libraries(f: Path) -> list[tuple[str, str, str]]:
    """Format, reader and result, for libraries of Python."""
    sdr, pq = truth(f / "s.png"), truth(f / "p.png")
    light = pq_decode(pq) * 10000 / 203 @ rgb_to_rgb(REC2020, P3).T
    rows = []

    def ask(format: str, reader: str, result) -> None:
        with contextlib.suppress(ImportError):
            module = importlib.import_module(reader)
            version = getattr(module, "__version__", None) or getattr(module, "VERSION_STRING", "")
            try:
                said = result(module)
            except Exception as error:  # noqa: BLE001 (a reader that fails is a result)
                said = f"fails: {error}"[:80]
            rows.append((format, f"{reader} {version}", said))

    def in_light(seen: np.ndarray) -> str:
        e = np.abs(
            np.log2(
                (np.maximum(seen[..., :3].astype(np.float64), 0) + 1 / 64) / (np.maximum(light, 0) + 1 / 64)
            )
        )
        return f"light {e.mean():.3f} / {e.max():.2f} EV from the PQ picture"

    def heif(m, name: str) -> str:
        image = m.open_heif(f / name, convert_hdr_to_8bit=False)
        return f"{image.info['bit_depth']} bits, " + apart(np.asarray(image), pq, 65535)

    ask("JPEG, gain map", "PIL", lambda m: apart(np.asarray(m.Image.open(f / "o.jpg")), sdr, 255))
    ask(
        "JPEG, gain map",
        "imagecodecs",
        lambda m: "libultrahdr: " + in_light(m.ultrahdr_decode((f / "o.jpg").read_bytes(), dtype="float16")),
    )
    ask("JPEG, gain map", "OpenImageIO", lambda m: in_light(m.ImageBuf(str(f / "o.jpg")).get_pixels(m.FLOAT)))
    ask(
        "JPEG, gain map",
        "pyvips",
        lambda m: (
            f"uhdrload: capacity {m.Image.uhdrload(str(f / 'o.jpg')).get('gainmap-hdr-capacity-max'):.3f}"
        ),
    )
    ask("AVIF, PQ", "imagecodecs", lambda m: apart(m.avif_decode((f / "o.avif").read_bytes()), pq, 1023))
    ask(
        "AVIF, ordinary",
        "imagecodecs",
        lambda m: apart(m.avif_decode((f / "o_sdr.avif").read_bytes()), sdr, 1023),
    )
    ask(
        "AVIF, ordinary",
        "PIL",
        lambda m: apart(np.asarray(m.Image.open(f / "o_sdr.avif").convert("RGB")), sdr, 255),
    )
    ask("HEIC, PQ", "pillow_heif", lambda m: heif(m, "o.heic"))
    ask("JPEG XL, PQ", "imagecodecs", lambda m: apart(m.jpegxl_decode((f / "o.jxl").read_bytes()), pq, 65535))
    ask(
        "JPEG XL, PQ",
        "OpenImageIO",
        lambda m: apart(m.ImageBuf(str(f / "o.jxl")).get_pixels(m.UINT16), pq, 65535),
    )
    ask(
        "PNG, 16 bits, PQ",
        "imagecodecs",
        lambda m: apart(m.png_decode((f / "p.png").read_bytes()), pq, 65535),
    )
    ask(
        "PNG, 16 bits, PQ",
        "OpenImageIO",
        lambda m: apart(m.ImageBuf(str(f / "p.png")).get_pixels(m.UINT16), pq, 65535),
    )
    ask("PNG", "PIL", lambda m: apart(np.asarray(m.Image.open(f / "o.png")), sdr, 255))
    ask("TIFF", "tifffile", lambda m: apart(m.imread(f / "o.tif"), sdr, 65535))
    ask("TIFF, PQ", "tifffile", lambda m: apart(m.imread(f / "p.tif"), pq, 65535))
    ask("TIFF", "OpenImageIO", lambda m: apart(m.ImageBuf(str(f / "o.tif")).get_pixels(m.UINT16), sdr, 65535))
    return rows


def programs(f: Path) -> list[tuple[str, str, str]]:
    """Format, reader and result, for programs."""
    rows, sdr, pq = [], truth(f / "s.png"), truth(f / "p.png")
    files = {"JPEG, gain map": "o.jpg", "AVIF, PQ": "o.avif", "AVIF, HLG": "o_hlg.avif", "HEIC, PQ": "o.heic"}
    files |= {"JPEG XL, PQ": "o.jxl", "PNG, 16 bits, PQ": "p.png", "TIFF": "o.tif"}
    if shutil.which("exiftool"):
        version = told("exiftool", "-ver")
        for name, file in files.items():
            said = json.loads(
                told("exiftool", "-j", "-validate", "-TransferCharacteristics", "-Recipe", f / file)
            )[0]
            words = [f"valid: {said.get('Validate')}", said.get("TransferCharacteristics", "")]
            words.append("recipe" if said.get("Recipe") else "no recipe")
            rows.append((name, f"exiftool {version}", "; ".join(w for w in words if w)))
    if shutil.which("ffprobe"):
        version = told("ffprobe", "-version").split()[2].split("-")[0]
        for name in ("JPEG, gain map", "AVIF, PQ", "AVIF, HLG", "PNG, 16 bits, PQ", "TIFF"):
            want = "stream=codec_name,pix_fmt,color_transfer,color_primaries"
            said = told("ffprobe", "-v", "error", "-show_entries", want, "-of", "csv=p=0", f / files[name])
            rows.append((name, f"ffprobe {version}", said.splitlines()[0] if said else "nothing"))
    if shutil.which("avifdec"):
        told("avifdec", "--depth", "16", f / "o.avif", f / "d.png")
        version = told("avifdec", "--version").split()[1]
        said = apart(_png(f / "d.png"), pq, 65535)
        rows.append(("AVIF, PQ", f"avifdec {version}", said))
    if shutil.which("djxl"):
        said = told("djxl", f / "o.jxl", f / "d.ppm").splitlines()
        rows.append(("JPEG XL, PQ", said[0].split("[")[0].strip(), apart(_ppm(f / "d.ppm"), pq, 65535)))
    if shutil.which("heif-info"):
        said = told("heif-info", f / "o.heic").replace("\n", " ")
        rows.append(
            (
                "HEIC, PQ",
                "heif-info",
                " ".join(said.split())[:70],
            )
        )
    if shutil.which("vips"):
        told("vips", "copy", f / "o.tif", f / "v.png")
        rows.append(("TIFF", told("vips", "--version").split()[0], apart(_png(f / "v.png"), sdr, 65535)))
    if shutil.which("rawtherapee-cli"):
        told("rawtherapee-cli", "-o", f / "rt.tif", "-t", "-Y", "-c", f / "o.tif")
        rows.append(("TIFF", "RawTherapee", "opens" if (f / "rt.tif").exists() else "does not open"))
    if shutil.which("darktable-cli"):
        for name, file in (("TIFF", "o.tif"), ("AVIF, PQ", "o.avif"), ("JPEG, gain map", "o.jpg")):
            out = f / f"dt_{file}.png"
            told("darktable-cli", f / file, out, "--core", "--library", ":memory:", "--configdir", f / "dt")
            rows.append((name, "darktable", "opens" if out.exists() else "does not open"))
    if shutil.which("chromium"):
        rows += chromium(f, sdr)
    return rows


def _png(path: Path) -> np.ndarray:
    import imagecodecs

    codes = imagecodecs.png_decode(path.read_bytes())
    return codes if codes.dtype == np.uint16 else codes.astype(np.uint16) * 257


def _ppm(path: Path) -> np.ndarray:
    raw = path.read_bytes()
    head = raw.split(maxsplit=4)
    w, h, top = int(head[1]), int(head[2]), int(head[3])
    kind = ">u2" if top > 255 else "u1"
    size = w * h * 3 * np.dtype(kind).itemsize
    return np.frombuffer(raw[-size:], kind).reshape(h, w, 3).astype(np.float64) * (65535 / top)


def chromium(f: Path, sdr: np.ndarray) -> list[tuple[str, str, str]]:
    """A page of pictures on an ordinary display: the files beside the PNG."""
    h, w = sdr.shape[:2]
    names = ("o.png", "o.jpg", "o_sdr.avif", "o.avif", "o_hlg.avif", "p.png")
    (f / "page.html").write_text(
        "<body style='margin:0;background:#222'>"
        + "".join(
            f"<img src='{n}' style='position:absolute;left:{k % 3 * w}px;top:{k // 3 * h}px'>"
            for k, n in enumerate(names)
        )
    )
    told(
        "chromium", *FLAGS.split(), f"--user-data-dir={f / 'cr'}", f"--window-size={3 * w},{2 * h}",
        f"--screenshot={f / 'chromium.png'}", f"file://{f / 'page.html'}",
    )  # fmt: skip
    if not (f / "chromium.png").exists():
        return []
    shot = np.asarray(Image.open(f / "chromium.png").convert("RGB")).astype(np.float64)
    tiles = [shot[k // 3 * h : (k // 3 + 1) * h, k % 3 * w : (k % 3 + 1) * w] for k in range(len(names))]
    version = " ".join(told("chromium", "--version").split()[:2])
    kinds = ("PNG", "JPEG, gain map", "AVIF, ordinary", "AVIF, PQ", "AVIF, HLG", "PNG, 16 bits, PQ")
    return [
        (kind, version, f"ordinary display: {apart(tile, tiles[0] / 255, 255)} from the PNG")
        for kind, tile in zip(kinds[1:], tiles[1:], strict=True)
    ]


def main() -> None:
    """Make the files, ask, print a table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--page", type=Path)
    words.add_argument("--keep", type=Path)
    args = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = (args.keep or Path(folder)).resolve()
        place.mkdir(exist_ok=True)
        made(place)
        rows = sorted(libraries(place) + programs(place), key=lambda row: row[0])
    table = "| format | reader | result |\n|---|---|---|\n" + "".join(
        f"| {' | '.join(row)} |\n" for row in rows
    )
    print(table)
    if args.page:
        args.page.write_text(PAGE + table, encoding="utf-8")


if __name__ == "__main__":
    main()
