# SPDX-License-Identifier: Apache-2.0
"""The command line as a person meets it: real processes and files, a sentence and a hint when it refuses."""

import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from lichtbild import simulate
from lichtbild.base.errors import CorruptRaw, ExportError, InputError, RecipeError, StateError
from lichtbild.capture.raw import read_shot
from lichtbild.tools import outcome
from lichtbild.tools import words as grammar
from lichtbild.tools.talk import Talk
from lichtbild.tools.targets import target

SIZE = (240, 320)


def start(*words, cwd, **options):
    command = [sys.executable, "-m", "lichtbild", *map(str, words)]
    return subprocess.Popen(
        command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def run(*words, cwd, **options):
    """Exit code, stdout and stderr of one run of the program."""
    process = start(*words, cwd=cwd, **options)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    return process.returncode, out, err


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with two bursts, one of another size, and files that are no raws; copied for every test."""
    folder = tmp_path_factory.mktemp("cli")
    simulate.write(folder / "burst", *simulate.burst("leaves", size=SIZE, frames=3))
    simulate.write(folder / "wide", *simulate.burst("leaves", size=(240, 400), frames=1))
    for n in (0, 1, 2):
        (folder / "shots").mkdir(exist_ok=True)
        shutil.copy(folder / "burst" / f"frame_00{n}.dng", folder / "shots" / f"20250921_185207_00{n}.dng")
        shutil.copy(folder / "burst" / "frame_000.dng", folder / "shots" / f"20250922_101500_00{n}.dng")
    return folder


@pytest.fixture
def place(kept, tmp_path):
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return tmp_path


def files(folder):
    """Every file of a folder, hidden ones and temporary ones too."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# ---- what it does


def test_files_are_one_burst(place):
    code, out, err = run("develop", *sorted((place / "burst").glob("*.dng")), "-o", "photo.jpg", cwd=place)
    assert code == 0, err
    assert re.fullmatch(r"photo\.jpg  3 frames, \d merged  natural  \d+\.\d s\n", out)
    assert (place / "photo.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_a_folder_is_one_burst_if_the_output_is_a_file(place):
    words = (
        "develop",
        "burst",
        "-o",
        "photo.jpg",
        "--dng",
        "merged.dng",
        "--tiff",
        "photo.tif",
        "--look",
        "vibrant",
        "--set",
        "exposure.ev=+0.3",
        "--quality",
        "80",
        "--reference",
        "1",
        "--frames",
        "2",
        "--profile",
        "srgb",
    )
    code, out, err = run(*words, cwd=place)
    assert code == 0, err
    assert "2 frames" in out and "vibrant" in out and len(out.splitlines()) == 1
    assert {"merged.dng", "photo.jpg", "photo.tif"} <= set(files(place))


def test_a_folder_is_searched_if_the_output_is_a_folder(place):
    code, out, err = run("develop", "shots", "-o", "out/", "--quiet", cwd=place)
    assert code == 0 and err == ""
    assert len(out.splitlines()) == 2 == len(files(place / "out"))
    assert all(line.split()[0] in files(place / "out") for line in out.splitlines())


def test_headerless_files_are_read_when_their_layout_is_told(place):
    frame = simulate.burst("leaves", size=(96, 128), frames=1)[0].frames[0]
    frame.dn.astype("<u2").tofile(place / "dump.raw")
    layout = f"128x96 u16 RGGB black={frame.shot.black.min():g} white={frame.shot.white:g}"
    code, out, err = run("develop", "dump.raw", "-o", "photo.jpg", "--layout", layout, cwd=place)
    assert code == 0, err
    assert out.startswith("photo.jpg  1 frame")


def test_folders_inside_are_searched_too(place):
    shutil.move(place / "wide", place / "trip" / "wide")
    shutil.move(place / "burst", place / "trip" / "day 1" / "burst")
    code, out, err = run("develop", "trip", "-o", "out/", "--frames", "1", cwd=place)
    assert code == 0, err
    told = sorted(line.split("  ")[0] for line in out.splitlines())
    assert files(place / "out") == told == ["burst.jpg", "wide.jpg"]


@pytest.mark.parametrize(("strip", "named"), [("gps", True), ("all", False)])
def test_stripped_of_all_a_photo_does_not_name_its_raws(place, strip, named):
    outputs = ("-o", "p.jpg", "--dng", "p.dng", "--tiff", "p.tif")
    assert run("develop", "burst", *outputs, "--frames", "1", "--strip", strip, cwd=place)[0] == 0
    assert run("merge", "burst", "-o", "m.dng", "--frames", "1", "--strip", strip, cwd=place)[0] == 0
    for made in ("p.jpg", "p.dng", "p.tif", "m.dng"):
        assert (b"frame_000" in (place / made).read_bytes()) is named
        assert (b"sha256" in (place / made).read_bytes()) is named


def test_merge_writes_dng_and_tiff(place):
    for words in (
        ("merged.dng",),
        ("mosaic.dng", "--cfa"),
        ("camera.tif",),
        ("srgb.tif", "--space", "srgb", "--reference", "0"),
        ("wide.tif", "--space", "rec2020"),
    ):
        code, out, err = run("merge", "burst", "-o", *words, cwd=place)
        assert code == 0, err
        assert re.fullmatch(rf"{words[0]}  3 frames, \d merged  [\w ]+  \d+\.\d s\n", out)
        assert (place / words[0]).stat().st_size > 100_000
    code, out, _ = run("info", "merged.dng", "mosaic.dng", "--json", cwd=place)
    assert [f["kind"] for f in json.loads(out)["files"]] == ["linear", "bayer"]


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        (("info", "burst/frame_000.dng"), "Simulated Phone"),
        (("looks",), "vibrant"),
        (("knobs",), "exposure.ev"),
        (("knobs", "merge"), "merge.trust"),
        (("group", "shots"), "20250921"),
        (("simulate", "made", "--scene", "leaves", "--size", "64x96", "--frames", "2"), "frame_001.dng"),
        (("doctor",), "LibRaw"),
        (("develop", "burst", "-o", "photo.jpg"), "natural"),
        (("merge", "burst", "-o", "merged.dng"), "merged"),
    ],
)
def test_every_verb_speaks_to_people_and_to_programs(words, holds, place):
    code, out, err = run(*words, cwd=place)
    assert code == 0, err
    assert holds in out and "\033" not in out + err
    code, out, err = run(*words, "--json", "--overwrite", cwd=place)
    assert code == 0, err
    assert holds in json.dumps(json.loads(out))


def test_a_demo_leaves_everything_in_a_folder(place):
    code, _, err = run("demo", "demo", "--size", "240x320", cwd=place)
    assert code == 0, err
    assert {"before-after.jpg", "photo.jpg", "merged.dng"} <= set(files(place / "demo"))


def test_the_choices_are_those_of_the_simulator():
    assert (tuple(simulate.SCENES), tuple(simulate.HANDS)) == (grammar.SCENES, grammar.HANDS)


def test_help_needs_no_numbers():
    code = "import sys\nfrom lichtbild.tools.cli import call\n"
    code += "assert call(['--help']) == 0 == len({'numpy', 'PIL', 'rawpy', 'rich'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_threads_do_not_change_a_byte(place):
    for n in (1, 2):
        assert run("merge", "burst", "-o", f"{n}.tif", "--threads", n, cwd=place)[0] == 0
    assert (place / "1.tif").read_bytes() == (place / "2.tif").read_bytes()


def test_verbose_tells_the_stages_and_quiet_tells_nothing(place):
    _, _, loud = run("develop", "burst", "-o", "a.jpg", "--verbose", cwd=place)
    _, out, quiet = run("develop", "burst", "-o", "b.jpg", "--quiet", cwd=place)
    _, _, none = run("develop", "burst", "-o", "c.jpg", "--progress", "none", cwd=place)
    assert "tone" in loud and "ms" in loud
    assert quiet == "" and out.startswith("b.jpg")
    assert "frames" not in none


def test_the_bar_is_for_terminals(place):
    pty = pytest.importorskip("pty")
    above, below = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lichtbild", "develop", "burst", "-o", "photo.jpg"],
        cwd=place,
        stderr=below,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"},
    )
    os.close(below)
    shown = b""
    while True:
        try:
            piece = os.read(above, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    out = process.communicate()[0]
    assert process.returncode == 0 and out.startswith("photo.jpg")
    assert "━".encode() in shown and b"\033[3" not in shown


# ---- what it refuses, with a sentence and a hint


REFUSED = {
    "unknown verb": (("develp",), 2, "no verb 'develp'; did you mean develop?"),
    "no output": (("develop", "burst"), 2, "-o/--output"),
    "part of a flag": (("develop", "burst", "--out", "p.jpg"), 2, "-o/--output"),
    "unknown scene": (("simulate", "made", "--scene", "rum"), 2, "'rum' is not one of room, leaves, chart"),
    "a word too many": (("doctor", "foo"), 2, "unrecognized arguments: foo"),
    "what looks cannot do": (("looks", "shwo", "x"), 2, "did you mean show?"),
    "a look without a name": (("looks", "show"), 2, "looks show needs a NAME"),
    "a built-in look's name": (("looks", "new", "vibrant"), 2, "vibrant is a built-in look"),
    "a name that is none": (("looks", "new", "../x"), 2, "is no name for a look"),
    "a table that is not there": (("looks", "import", "none.cube"), 3, "no such file or directory"),
    "a kind that is not read": (("looks", "import", "burst/frame_000.dng"), 2, "no .dng files are read"),
    "a knob with no table": (
        ("develop", "burst", "-o", "p.jpg", "--set", "lut.file=no.cube"),
        2,
        "lut.file = 'no.cube' is not there",
    ),
    "verify nothing": (("verify", "no.jpg", "burst"), 3, "no.jpg cannot be read: no such file"),
    "verify a folder": (("verify", "burst", "burst"), 3, "burst cannot be read: is a directory"),
    "verify what is not ours": (("verify", "a.jpg", "burst"), 3, "does not say how it was made"),
    "verify without a burst": (("verify", "a.jpg"), 2, "arguments are required: FILE|FOLDER"),
    "sheet of nowhere": (("sheet", "nowhere", "-o", "s.html"), 3, "nowhere does not exist"),
    "sheet of a file": (("sheet", "a.jpg", "-o", "s.html"), 3, "a.jpg is no folder"),
    "sheet of nothing": (("sheet", "empty", "-o", "s.html"), 3, "empty holds no photos"),
    "sheet into nowhere": (("sheet", "burst", "-o", "none/s.html"), 2, "the folder none does not exist"),
    "sheet of another kind": (("sheet", "burst", "-o", "s.txt"), 2, ".txt is not one of .html"),
    "sheet without raws": (("sheet", "burst", "-o", "s.html", "--bursts", "no"), 3, "no is no folder"),
    "gains of nothing": (("gainmap", "no.jpg"), 3, "no.jpg cannot be read"),
    "gains of a folder": (("gainmap", "a.jpg", "burst", "-o", "g.jpg"), 3, "burst is a folder"),
    "gains without an output": (("gainmap", "a.jpg", "b.exr"), 2, "here are 2 files without -o"),
    "gains into a png": (("gainmap", "a.jpg", "a.heic", "-o", "g.png"), 2, ".png is not one of .jpg"),
    "what profile cannot do": (("profile", "shwo"), 2, "did you mean show?"),
    "a profile of nothing": (("profile", "import", "no.dcp"), 3, "no.dcp: no such file"),
    "a profile that is none": (("profile", "import", "a.jpg"), 3, "is no colour profile"),
    "a profile for nowhere": (("profile", "export", "burst/frame_000.dng"), 2, "nothing says where to"),
    "a look for nowhere": (("looks", "export", "natural"), 2, "looks export needs -o FILE"),
    "a look of another kind": (("looks", "export", "natural", "-o", "x.txt"), 2, "no .txt files are written"),
    "a look without a camera": (("looks", "export", "natural", "-o", "x.dcp"), 2, "--camera FILE is missing"),
    "a flag too many": (("measure", "a.png", "--nope"), 2, "unrecognized arguments: --nope"),
    "nothing to calibrate": (("calibrate", "noise", "-o", "n.json"), 2, "no files to measure"),
    "files behind flags": (("calibrate", "noise", "-o", "n.json", "no.dng"), 3, "no.dng does not exist"),
    "a chart behind flags": (("simulate", "chart", "-o", "c.png", "lob"), 2, "'lob'"),
    "unknown shake": (("simulate", "made", "--shake", "wobble"), 2, "--shake: invalid choice: 'wobble'"),
    "odd size": (("simulate", "made", "--size", "33x47"), 2, "--size = 33x47: each side is even"),
    "odd demo": (("demo", "made", "--size", "2448x62"), 2, "--size = 2448x62: each side is even"),
    "unknown look": (("develop", "burst", "-o", "p.jpg", "--look", "vibrnt"), 2, "did you mean vibrant?"),
    "unknown stage": (
        ("develop", "burst", "-o", "p.jpg", "--set", "mergee.trust=1"),
        2,
        "did you mean merge?",
    ),
    "unknown knob": (("develop", "burst", "-o", "p.jpg", "--set", "exposure.evv=1"), 2, "did you mean ev?"),
    "swapped letters": (("develop", "burst", "-o", "p.jpg", "--set", "exposure.ve=1"), 2, "did you mean ev?"),
    "out of range": (
        ("develop", "burst", "-o", "p.jpg", "--set", "exposure.ev=99"),
        2,
        "exposure.ev = 99 is out of range",
    ),
    "no number": (("develop", "burst", "-o", "p.jpg", "--set", "exposure.ev=x"), 2, "is not a number"),
    "no setting": (("develop", "burst", "-o", "p.jpg", "--set", "brighter"), 2, "is not a setting"),
    "quality": (("develop", "burst", "-o", "p.jpg", "--quality", "101"), 2, "whole number from 1 to 100"),
    "reference word": (
        ("develop", "burst", "-o", "p.jpg", "--reference", "best"),
        2,
        "auto or a whole number",
    ),
    "reference beyond": (("develop", "burst", "-o", "p.jpg", "--reference", "3"), 2, "reference = 3"),
    "knobs of nothing": (("knobs", "mergee"), 2, "did you mean merge?"),
    "output suffix": (("develop", "burst", "-o", "p.gif"), 2, ".gif is not one of"),
    "merge suffix": (("merge", "burst", "-o", "p.jpg"), 2, ".jpg is not one of"),
    "space of a dng": (("merge", "burst", "-o", "p.dng", "--space", "srgb"), 2, "--space"),
    "cfa in a tiff": (("merge", "burst", "-o", "p.tif", "--cfa"), 2, "--cfa"),
    "no such output folder": (("develop", "burst", "-o", "none/p.jpg"), 2, "the folder none does not exist"),
    "file for a folder": (("develop", "burst", "-o", "a.jpg/"), 2, "a.jpg is there already and no folder"),
    "device for a folder": (("merge", "burst", "-o", "/dev/null"), 2, "/dev/null is there already"),
    "picture that is a raw": (
        ("merge", "burst", "-o", "p.dng", "--explain", "p.dng"),
        2,
        ".dng is not one of .png\n\nhint: use .png",
    ),
    "a minus for a flag": (
        ("simulate", "made", "--exposures", "-2,0"),
        2,
        "begins with a minus is given as --flag=-2",
    ),
    "no exposures": (("simulate", "made", "--exposures", "0,-20"), 2, "'0,-20' is not allowed"),
    "file above a file": (("develop", "burst", "-o", "a.jpg/p.jpg"), 2, "the folder a.jpg does not exist"),
    "no such file": (("develop", "IMG_*.dng", "-o", "p.jpg"), 3, "IMG_*.dng does not exist"),
    "no such folder": (("develop", "nowhere/", "-o", "out/"), 3, "nowhere does not exist"),
    "group nowhere": (("group", "nowhere"), 3, "nowhere"),
    "no raws": (("develop", "empty", "-o", "p.jpg"), 3, "no raw files"),
    "no raws, folder": (("develop", "empty", "-o", "out/"), 3, "no raw files"),
    "mixed sizes": (
        ("develop", "burst/frame_001.dng", "burst/frame_002.dng", "wide/frame_000.dng", "-o", "p.jpg"),
        3,
        "frame_000.dng: size = 400 × 240",
    ),
    "jpeg": (("develop", "a.jpg", "-o", "p.jpg"), 3, "not a raw lichtbild can read"),
    "heic": (("info", "a.heic"), 3, "not a raw lichtbild can read"),
    "gpr": (("info", "a.gpr"), 3, "not a raw lichtbild can read"),
    "truncated": (("develop", "cut.dng", "-o", "p.jpg"), 3, "cut.dng"),
    "garbage": (("info", "garbage.dng"), 3, "garbage.dng"),
    "empty file": (("merge", "nothing.dng", "-o", "p.dng"), 3, "nothing.dng"),
}


@pytest.fixture(scope="module")
def spoilt(kept):
    """The same folder with every kind of bad file, for tests that change nothing."""
    (kept / "empty").mkdir(exist_ok=True)
    (kept / "empty" / "notes.txt").write_text("no pictures here")
    (kept / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(2000))
    (kept / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(2000))
    (kept / "a.gpr").write_bytes(b"GPR\0" + bytes(2000))
    whole = (kept / "burst" / "frame_000.dng").read_bytes()
    (kept / "cut.dng").write_bytes(whole[: len(whole) // 2])
    (kept / "garbage.dng").write_bytes(bytes(range(256)) * 40)
    (kept / "nothing.dng").write_bytes(b"")
    return kept


@pytest.fixture(scope="module")
def refused(spoilt):
    """What the program says to all of them, side by side to save time, and what it leaves behind."""
    before = files(spoilt)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        says = pool.map(lambda case: run(*case[0], "--progress", "none", cwd=spoilt), REFUSED.values())
        return dict(zip(REFUSED, says, strict=True)), before, files(spoilt)


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_gets_one_sentence_and_a_hint(case, refused):
    _, expected, says = REFUSED[case]
    code, out, err = refused[0][case]
    assert code == expected, err
    assert out == "" and says in err
    sentence, gap, hint = err.strip().split("\n")
    assert sentence.startswith("lichtbild: ") and gap == "" and hint.startswith("hint: ")


def test_bad_input_leaves_no_file_behind(refused):
    assert refused[1] == refused[2]


def test_errors_are_json_too(spoilt):
    code, out, _ = run("develop", "burst", "-o", "p.jpg", "--look", "vibrnt", "--json", cwd=spoilt)
    assert code == 2
    assert "did you mean vibrant?" in json.loads(out)["error"]["message"]


def test_a_bad_frame_is_named_and_left_out(place):
    whole = (place / "burst" / "frame_001.dng").read_bytes()
    (place / "burst" / "frame_001.dng").write_bytes(whole[: len(whole) // 2])
    code, out, err = run("develop", "burst", "-o", "photo.jpg", cwd=place)
    assert code == 1
    assert "frame_001.dng" in err and "2 frames" in out


def test_a_reference_is_counted_before_bad_frames_are_left_out(place):
    broken = place / "burst" / "frame_001.dng"
    broken.write_bytes(broken.read_bytes()[:5000])
    for reference, same in (("2", "1"), ("0", "0")):
        words = ("merge", "burst", "-o", "left.tif", "--reference", reference, "--overwrite")
        assert run(*words, cwd=place)[0] == 1
        good = [place / "burst" / f"frame_{n}.dng" for n in ("000", "002")]
        words = ("merge", *good, "-o", "good.tif", "--reference", same, "--overwrite")
        assert run(*words, cwd=place)[0] == 0
        assert (place / "left.tif").read_bytes() == (place / "good.tif").read_bytes()
    code, _, err = run("merge", "burst", "-o", "none.tif", "--reference", "1", cwd=place)
    assert code == 2 and "--reference = 1: burst/frame_001.dng cannot be read" in err
    assert not (place / "none.tif").exists()


def test_a_bad_burst_does_not_stop_the_others(place):
    for path in (place / "shots").glob("20250922*"):
        path.write_bytes(b"II*\0" + bytes(100))
    code, out, err = run("develop", "shots", "-o", "out/", "--json", cwd=place)
    told = json.loads(out)
    assert code == 1
    assert len(told["photos"]) == 1 == len(files(place / "out"))
    assert "20250922" in err and told["failed"]


def test_a_file_that_is_named_twice_counts_once(place):
    (place / "burst" / "z.dng").symlink_to(place / "burst" / "frame_000.dng")
    assert run("merge", "burst", "-o", "p.tif", cwd=place)[1].startswith("p.tif  3 frames")
    words = ("burst/frame_000.dng", "burst/../burst/frame_000.dng", "burst/z.dng", "burst/frame_001.dng")
    assert run("merge", *words, "-o", "q.tif", cwd=place)[1].startswith("q.tif  2 frames")


def test_pictures_instead_of_raws_need_no_copying_again(place):
    for name in ("a.jpg", "b.jpg"):
        (place / name).write_bytes(b"\xff\xd8\xff\xe0" + bytes(2000))
    code, _, err = run("merge", "a.jpg", "b.jpg", "-o", "p.dng", cwd=place)
    assert code == 3 and "b.jpg is a JPEG file" in err
    assert "none of the 2 files can be read\n\nhint: lichtbild reads DNG" in err


def test_a_zoomed_photo_is_a_whole_one(place):
    def size(*words):
        code, out, err = run("develop", "burst", "-o", "p.jpg", "--overwrite", *words, cwd=place)
        assert code == 0 and out
        with Image.open(place / "p.jpg") as picture:
            return picture.size, "resampled" in err

    assert size("--zoom", "2") == ((320, 240), False)
    assert size("--zoom", "4") == ((320, 240), True)
    assert size("--zoom", "4", "--scale", "2") == ((160, 120), False)
    assert size("--zoom", "4", "--set", "superres.scale=1") == ((80, 60), False)


def test_a_bracket_is_simulated(place):
    assert run("simulate", "made", "--size", "64x96", "--exposures", "0,-2,-4", cwd=place)[0] == 0
    times = [read_shot(p).exposure_time for p in sorted((place / "made").glob("*.dng"))]
    assert [t / times[0] for t in times] == pytest.approx([1, 1 / 4, 1 / 16], rel=1e-3)


def test_a_raw_and_its_jpeg_are_one(place):
    for path in (place / "burst").glob("*.dng"):
        path.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(2000))
    for inputs in (["burst"], sorted((place / "burst").glob("frame*"))):
        code, out, err = run("develop", *inputs, "-o", "photo.jpg", "--overwrite", cwd=place)
        assert code == 0 and "3 frames" in out, err


def test_nothing_is_replaced_unasked(place):
    (place / "photo.jpg").write_text("precious")
    code, _, err = run("develop", "burst", "-o", "photo.jpg", cwd=place)
    assert code == 2 and "photo.jpg exists" in err and "--overwrite" in err
    assert (place / "photo.jpg").read_text() == "precious"
    assert run("develop", "burst", "-o", "photo.jpg", "--overwrite", cwd=place)[0] == 0
    assert (place / "photo.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_a_shorter_burst_replaces_all_of_a_longer_one(place):
    words = ("simulate", "burst", "--scene", "leaves", "--size", "64x96", "--frames", "2")
    (place / "burst" / "frame_mine.dng").write_text("precious")
    assert run(*words, "--overwrite", cwd=place)[0] == 0
    names = ["frame_000.dng", "frame_001.dng", "frame_mine.dng", "truth.json", "truth.npz"]
    assert files(place / "burst") == names
    for path in (place / "burst").glob("frame*"):
        path.unlink()
    code, _, err = run(*words, cwd=place)
    assert code == 2 and "holds a burst already" in err
    assert files(place / "burst") == ["truth.json", "truth.npz"]


def test_a_raw_is_never_replaced(place):
    before = (place / "burst" / "frame_000.dng").read_bytes()
    code, _, err = run("merge", "burst", "-o", "burst/frame_000.dng", "--overwrite", cwd=place)
    assert code == 2 and "one of the inputs" in err
    assert (place / "burst" / "frame_000.dng").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("develop", "burst", "-o", "p.jpg"),
        ("develop", "burst", "-o", "p.tif"),
        ("merge", "burst", "-o", "p.dng"),
        ("merge", "burst", "-o", "p.tif"),
    ],
)
def test_a_full_disk_leaves_nothing_half_written(words, place):
    before = files(place)
    code, out, err = run(
        *words, cwd=place, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    )
    assert code == 4, err
    assert "hint: " in err and out == ""
    assert files(place) == before


def test_a_read_only_folder_is_refused_before_anything_is_read():
    with tempfile.TemporaryDirectory() as name:
        locked = Path(name)
        locked.chmod(0o555)
        pid = os.fork()
        if pid == 0:  # root may write everywhere
            if os.getuid() == 0:
                os.setuid(65534)
            refused = 0
            for text, words in ((f"{name}/p.dng", "is read-only"), (f"{name}/out/", "out cannot be made")):
                try:
                    target(text, "p", (".dng",))
                except ExportError as error:
                    refused += words in str(error) and "another folder" in error.hint
            os._exit(refused)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
        assert list(locked.iterdir()) == []


@pytest.mark.parametrize(("sign", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_nothing_behind(sign, expected, place):
    before = files(place)
    for n in range(20):
        shutil.copytree(place / "shots", place / "many" / f"day{n}")
    hearing = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # background jobs are born deaf
    words = ("develop", *sorted((place / "many").iterdir()), "-o", "out/")
    process = start(*words, cwd=place, preexec_fn=hearing)
    process.stderr.readline()  # it has begun
    process.send_signal(sign)
    _, err = process.communicate(timeout=60)
    assert process.returncode == expected, err
    assert "Traceback" not in err
    shutil.rmtree(place / "many")
    left = [p for p in files(place) if p not in before]
    assert all(re.fullmatch(r"out/[\w-]+\.jpg", p) for p in left)
    assert len(left) < 40 and all((place / p).read_bytes()[-2:] == b"\xff\xd9" for p in left)


# ---- what errors mean


def chained(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RecipeError("r"), 2),
        (outcome.UsageError("u"), 2),
        (ExportError("e"), 2),
        (InputError("i"), 3),
        (CorruptRaw("c"), 3),
        (FileNotFoundError(errno.ENOENT, "no", "x"), 3),
        (MemoryError(), 4),
        (OSError(errno.ENOSPC, "full", "x"), 4),
        (chained(ExportError("e"), OSError(errno.ENOSPC, "full", "x")), 4),
        (chained(CorruptRaw("c"), MemoryError()), 4),
        (StateError("s"), 70),
        (ZeroDivisionError("z"), 70),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_exit_codes(error, code, capsys):
    with outcome.Ending(Talk()) as ending:
        raise error
    assert ending.code == code
    said = capsys.readouterr().err
    assert said.startswith("lichtbild: ")
    assert ("please report" in said) == (code == 70)


def test_a_reader_that_leaves_early_is_no_error(place):
    process = start("knobs", cwd=place)
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 0
