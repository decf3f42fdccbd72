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
import time
from pathlib import Path

import numpy as np
from PIL import Image

from lichtbild.base.colour import P3, REC2020, SRGB, pq_decode, rgb_to_rgb, srgb_decode, srgb_encode
from lichtbild.base.errors import ExportError
from lichtbild.base.image import Shot
from lichtbild.base.photo import Photo
from lichtbild.publish.photo import save
from lichtbild.tools.cli import call

SIZE = "240x360"
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
FLAGS += "--disable-component-update --disable-sync --hide-scrollbars --force-color-profile=srgb"

PAGE = """# Who reads our files

Written by `python benchmarks/formats.py --page docs/reference/formats.md`: one simulated burst as every
format, read by others. Pixels: mean / largest difference from a 16-bit PNG of the same photo, in percent of
the range; light: in EV. Formats with loss at quality 92. A reader that only tells of a file was not asked for
its pixels. PQ spends half of its codes on the darkest thousandth of its light: a large difference in percent
may be a small one to the eye; JPEG XL's largest is a blue of 1 cd/m² gone to 0 beside a red of 17.
RawTherapee and darktable gave sRGB (darktable PQ for PQ), compared where sRGB holds the colour; of merged
DNGs they make a picture of their own: r is the correlation of its tones with those of our photo. Chromium
shows PQ and HLG on an ordinary display by a tone curve of its own.

"""

COST = """
## What writing costs

The same photo repeated to 11 MP, at the usual settings: processor seconds of all threads, the least of two.
PNG finds the repetition: one photo of 12 MP took 1.7 s and 15 MB with 8 bits, 4.6 s and 58 MB with 16.

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
        for words in (["-o", str(folder / "linear.dng")], ["-o", str(folder / "mosaic.dng"), "--cfa"]):
            assert call(["merge", burst, *words, "--quiet"]) == 0, words


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


def samples(seen: np.ndarray, path: Path) -> str:
    """Whether a raw decoder has the samples of a DNG as tifffile has them."""
    import tifffile

    with tifffile.TiffFile(path) as whole:
        pages = [page for top in whole.pages for page in (top, *(top.pages or ()))]
        stored = max(pages, key=lambda page: page.shape[0] * page.shape[1]).asarray()
    same = seen[..., : stored.shape[2]] if stored.ndim == 3 else seen
    if same.shape != stored.shape:
        return f"opens: {same.shape} of {stored.shape}"
    equal = (same == stored).all()
    return "every sample as stored" if equal else f"{np.abs(same - np.float64(stored)).max():.0f} apart"


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

    def raw(m, path: Path) -> str:
        with m.imread(str(path)) as opened:
            return samples(opened.raw_image_visible, path)

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
    for name, file in (("merged DNG, linear", "linear.dng"), ("merged DNG, mosaic", "mosaic.dng")):
        ask(name, "rawpy", lambda m, file=file: raw(m, f / file))
    for name, file, wanted in (("TIFF", "o.tif", sdr), ("PNG, 16 bits, PQ", "p.png", pq)):
        ask(
            name,
            "pyvips",
            lambda m, file=file, wanted=wanted: apart(
                m.Image.new_from_file(str(f / file)).numpy(), wanted, 65535
            ),
        )
    ask("TIFF", "OpenImageIO", lambda m: apart(m.ImageBuf(str(f / "o.tif")).get_pixels(m.UINT16), sdr, 65535))
    return rows


def programs(f: Path) -> list[tuple[str, str, str]]:
    """Format, reader and result, for programs."""
    rows, sdr, pq = [], truth(f / "s.png"), truth(f / "p.png")
    files = {"JPEG, gain map": "o.jpg", "AVIF, PQ": "o.avif", "AVIF, HLG": "o_hlg.avif", "HEIC, PQ": "o.heic"}
    files |= {"merged DNG, linear": "linear.dng", "merged DNG, mosaic": "mosaic.dng"}
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
    rows += editors(f, sdr, pq)
    if shutil.which("chromium"):
        rows += chromium(f, sdr)
    return rows


def editors(f: Path, sdr: np.ndarray, pq: np.ndarray) -> list[tuple[str, str, str]]:
    """What raw editors make of photos and merged DNGs, as TIFFs of 16 bits."""
    rows, light = [], srgb_decode(sdr) @ rgb_to_rgb(P3, SRGB).T
    kept = ((light >= 0) & (light <= 1)).all(axis=2)  # what sRGB, the editors' output, can hold
    ours, photos = srgb_encode(light.clip(0, 1)), {"TIFF": "o.tif", "JPEG, gain map": "o.jpg"}
    merged = {"merged DNG, linear": "linear.dng", "merged DNG, mosaic": "mosaic.dng"}

    def said(out: Path, wanted: np.ndarray, raw: bool) -> str:
        if not out.exists():
            return "does not open"
        import tifffile

        seen = tifffile.imread(out)[..., :3] / 65535
        if not raw:
            return apart(seen[kept], wanted[kept], 1)
        y, x = ((b - a) // 2 for a, b in zip(seen.shape[:2], wanted.shape[:2], strict=True))  # edges cut off
        inner = wanted[y : y + len(seen), x : x + seen.shape[1]]
        tones = [np.log2(srgb_decode(p).mean(axis=2) + 1 / 64).ravel() for p in (seen, inner)]
        return f"opens; its tones follow ours: r = {np.corrcoef(*tones)[0, 1]:.3f}"

    if shutil.which("rawtherapee-cli"):
        version = told("rawtherapee-cli", "-v").splitlines()[0].split(",")[1].replace("version", "").strip()
        for name, file in (photos | merged).items():
            out = f / f"rt_{file}.tif"
            told("rawtherapee-cli", "-o", out, "-t", "-b16", "-Y", "-c", f / file)
            rows.append((name, f"RawTherapee {version}", said(out, ours, name in merged)))
    if shutil.which("darktable-cli"):
        version = told("darktable-cli", "--version").splitlines()[0].split()[-1]
        core = ["--core", "--library", ":memory:", "--configdir", f / "dt"]
        core += ["--conf", "plugins/imageio/format/tiff/bpp=16"]
        for name, file in (photos | merged | {"AVIF, PQ": "o.avif"}).items():
            out = f / f"dt_{file}.tif"
            space = "PQ_REC2020" if file == "o.avif" else "SRGB"
            told("darktable-cli", f / file, out, "--icc-type", space, *core)
            wanted = pq if file == "o.avif" else ours
            rows.append((name, f"darktable {version}", said(out, wanted, name in merged)))
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


def costs(f: Path) -> str:
    """A table of what writing a large photo costs."""
    pq, sdr = (np.tile(truth(f / name), (12, 11, 1)).astype(np.float32) for name in ("p.png", "s.png"))
    shot = Shot(Path("a.dng"), (pq.shape[0], pq.shape[1]))
    deep, plain = Photo(pq, "rec2020", shot, transfer="pq"), Photo(sdr, "p3", shot)
    rows = (
        ("JPEG", plain, ".jpg", {}),
        ("TIFF, 16 bits", plain, ".tif", {}),
        ("PNG, 8 bits", plain, ".png", {}),
        ("PNG, 16 bits, PQ", deep, ".png", {}),
        ("AVIF, 10 bits, PQ", deep, ".avif", {}),
        ("HEIC, 10 bits, PQ", deep, ".heic", {}),
        ("JPEG XL, PQ", deep, ".jxl", {}),
        ("JPEG XL, PQ, without loss", deep, ".jxl", {"quality": 100}),
    )
    table = "| format | s | MB |\n|---|---:|---:|\n"
    for name, photo, suffix, more in rows:
        spent, path = [], f / f"cost{suffix}"
        try:
            for _ in range(2):
                start = time.process_time()
                save(photo, path, overwrite=True, **more)
                spent.append(time.process_time() - start)
        except ExportError:  # its library is not installed
            continue
        table += f"| {name} | {min(spent):.1f} | {path.stat().st_size / 1e6:.1f} |\n"
    return table


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
        cost = COST + costs(place)
    table = "| format | reader | result |\n|---|---|---|\n" + "".join(
        f"| {' | '.join(row)} |\n" for row in rows
    )
    print(table + cost)
    if args.page:
        args.page.write_text(PAGE + table + cost, encoding="utf-8")


if __name__ == "__main__":
    main()
