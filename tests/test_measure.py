# SPDX-License-Identifier: Apache-2.0
"""``lichtbild measure`` as a person meets it: reports, tables, baselines, and words for what goes wrong."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from lichtbild import simulate
from lichtbild.base.colour import srgb_encode
from lichtbild.base.image import Burst
from lichtbild.quality.charts import CHARTS
from lichtbild.quality.reports.report import read_report
from lichtbild.quality.sharpness.exact import exact_edge
from lichtbild.simulate.charts import painted, place
from lichtbild.tools import cli, self_test
from lichtbild.tools.measure import roi
from lichtbild.tools.outcome import UsageError

ROI = "edge:20,25,120,100"


def photo(path, sigma=0.8, seed=None):
    """An sRGB photo of one exact edge, 16 pixels from dark to light or less."""
    light = exact_edge((160, 150), 5.7, sigma)
    if seed is not None:
        light = light + np.random.default_rng(seed).normal(0, 0.002, light.shape)
    code = np.round(255 * srgb_encode(np.clip(light, 0, 1))).astype(np.uint8)
    Image.fromarray(np.repeat(code[..., None], 3, axis=2)).save(path)
    return path


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Two frames of the lab chart, and a burst of leaves with its truth."""
    folder = tmp_path_factory.mktemp("measure")
    scene = painted(place(CHARTS["lab"], 4 / 3))
    simulate.write(folder / "lab", *simulate.burst(scene, size=(600, 800), frames=2, iso=50, shake="still"))
    simulate.write(folder / "leaves", *simulate.burst("leaves", size=(240, 320), frames=2, shake="still"))
    return folder


@pytest.fixture
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo(tmp_path / "edge.png")
    return tmp_path


def run(capsys, *words):
    """Exit code, stdout and stderr of one call."""
    code = cli.call(["measure", *map(str, words)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err, err
    return code, out, err


def test_a_chart_becomes_three_reports_and_a_table(kept, there, capsys):
    frames = sorted((kept / "lab").glob("*.dng"))
    code, out, err = run(capsys, *frames, "-o", "r.html", "-o", "r.json", "-o", "r.csv")
    assert code == 0, err
    report = read_report(there / "r.json")
    assert [s.name for s in report.sources] == ["frame_000.dng", "frame_001.dng"]
    assert report.conditions["Pictures"].startswith("2 ")
    assert (there / "r.html").read_text().startswith("<!doctype html>")
    rows = list(csv.DictReader((there / "r.csv").read_text().splitlines()))
    assert len(rows) == sum(len(r.figures) for r in report.results) > 300
    assert (
        "acutance, cross" in out and "\nscore " in out and "colour 9" in out.replace("colour 100", "colour 9")
    )
    assert {p.name for p in there.iterdir()} == {"edge.png", "r.html", "r.json", "r.csv"}


def test_json_is_one_document(there, capsys):
    code, out, _ = run(capsys, "edge.png", "--roi", ROI, "--json", "-o", "r.json")
    told = json.loads(out)
    assert code == 0 and told["files"] == ["r.json"] and told["failed"] == []
    assert told["report"]["format"] == "lichtbild report"


def test_the_table_says_value_doubt_place_and_note(there, capsys):
    _, out, err = run(capsys, "edge.png", "--roi", ROI)
    line = next(words for words in out.splitlines() if " MTF50 " in words)
    assert "0.22" in line and "cy/px" in line and "edge 1, Y" in line
    assert "no colour profile: taken for sRGB" in err


def test_an_identical_picture_does_not_move_and_a_softer_one_does(there, capsys):
    photo(there / "soft.png", sigma=1.2)
    assert run(capsys, "edge.png", "--roi", ROI, "-o", "old.json")[0] == 0
    code, out, _ = run(capsys, "edge.png", "--roi", ROI, "--baseline", "old.json")
    assert code == 0 and "nothing moved beyond noise" in out
    code, out, _ = run(capsys, "soft.png", "--roi", ROI, "--baseline", "old.json")
    assert code == 1
    moved = [words for words in out.splitlines() if words.startswith("moved: MTF50 · edge 1, ")]
    assert len(moved) == 1 and "; at other places 3 worse" in moved[0]  # one line for R, G, B and Y
    _, out, _ = run(capsys, "soft.png", "--roi", ROI, "--baseline", "old.json", "--verbose")
    assert sum(words.startswith("moved: MTF50 · edge 1, ") for words in out.splitlines()) == 4


def test_one_bad_file_does_not_stop_the_others(there, capsys):
    (there / "bad.png").write_bytes(b"no picture")
    code, out, err = run(capsys, "bad.png", "edge.png", "--roi", ROI, "--json")
    told = json.loads(out)
    assert code == 1 and "bad.png cannot be read" in err
    assert [f["item"] for f in told["failed"]] == ["bad.png"]
    assert [s["name"] for s in told["report"]["sources"]] == ["edge.png"]


def test_different_pictures_are_kept_apart(there, capsys):
    photo(there / "soft.png", sigma=1.2)
    _, out, _ = run(capsys, "edge.png", "soft.png", "--roi", ROI, "--json")
    figures = [f for r in json.loads(out)["report"]["results"] for f in r["figures"] if f["name"] == "MTF50"]
    values = {f["where"]: f["value"] for f in figures}
    assert values["edge.png, edge 1, Y"] > values["soft.png, edge 1, Y"] + 0.05


@pytest.mark.parametrize(
    "words, code, said",
    [
        ([], 2, "no pictures to measure"),
        (["none.jpg"], 3, "none.jpg does not exist"),
        (["edge.png", "-o", "report.pdf"], 2, ".pdf is not one of .html"),
        (["edge.png", "-o", "edge.json", "-o", "edge.json"], 2, "written twice"),
        (["edge.png", "--roi", "1,2,3"], 2, "[KIND:]Y,X,HEIGHT,WIDTH"),
        (["edge.png", "--roi", "edge:0,0,500,500"], 3, "do not lie in edge.png"),
        (["edge.png", "--roi", "flat:20,20,9,1"], 3, "at least 8"),
        (["edge.png", "--roi", "edge:5,5,20,20"], 3, ""),
        (["edge.png", "--chart", "lob"], 3, "did you mean lab"),
        (["edge.png", "--chart", "dots"], 3, "no chart that can be measured"),
        (["edge.png", "--roi", ROI, "--chart", "lab"], 2, "give one of them"),
        (["edge.png", "--baseline", "old.json"], 3, "cannot be read as a report"),
        (["edge.png", "--weights", "goals.toml"], 3, "cannot be read as a table of goals"),
        (["edge.png", "--decoding", "log"], 3, "decoding = 'log'"),
        (["edge.png", "--truth", "."], 3, "no truth here"),
        (["edge.png", "--truth", ".", "--chart", "lab"], 2, "compares whole pictures"),
        (["edge.png", "--self-test"], 2, "measures no pictures"),
        (["--spectra", "none.csv"], 3, "none.csv"),
        (["edge.png", "--reference", "none.csv"], 3, "none.csv"),
        (["."], 3, "no straight edge"),
    ],
)
def test_bad_input_is_a_sentence_and_a_hint(there, capsys, words, code, said):
    if words == ["."]:
        photo(there / "edge.png", sigma=0.8)
        Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (128, 1))).save(there / "edge.png")
    got, _, err = run(capsys, *words)
    assert got == code, err
    assert said in err and "hint: " in err


def test_an_empty_folder_is_refused(there, capsys):
    (there / "nothing").mkdir()
    code, _, err = run(capsys, "nothing")
    assert code == 3 and "holds no pictures" in err


def test_nothing_is_replaced_unasked(there, capsys):
    (there / "r.json").write_text("mine")
    assert run(capsys, "edge.png", "--roi", ROI, "-o", "r.json")[0] == 2
    assert (there / "r.json").read_text() == "mine"
    assert run(capsys, "edge.png", "--roi", ROI, "-o", "r.json", "--overwrite")[0] == 0
    code, _, err = run(
        capsys, "edge.png", "--roi", ROI, "--baseline", "r.json", "-o", "r.json", "--overwrite"
    )
    assert code == 2 and "is one of the inputs" in err


def test_own_goals_judge(there, capsys):
    (there / "goals.toml").write_text(
        'version = "mine 7"\n[axes.sharpness]\n[[axes.sharpness.metrics]]\nfigure = "MTF50"\nunit = "cy/px"\n'
        'where = "Y"\nlow = 0.12\nhigh = 0.32\n'
    )
    _, out, _ = run(capsys, "edge.png", "--roi", ROI, "--weights", "goals.toml")
    assert "mine 7" in out and 49 <= int(out.split("score ")[1].split()[0]) <= 52


def test_a_frame_is_compared_with_its_truth(kept, there, capsys, monkeypatch):
    import sys

    for name in ("flip_evaluator", "pycvvdp"):  # extras, tested on their own
        monkeypatch.setitem(sys.modules, name, None)
    frame = kept / "leaves" / "frame_000.dng"
    code, out, err = run(capsys, frame, "--truth", kept / "leaves", "--json")
    assert code == 0, err
    results = json.loads(out)["report"]["results"]
    figures = {f["name"] + f["where"]: f["value"] for r in results for f in r["figures"]}
    assert abs(figures["biasG"]) < 0.5 and figures["ringing"] < 5 and figures["SSIM"] > 0.5
    assert figures["FLIP"] is None


def test_a_picture_of_another_grid_is_refused(kept, there, capsys):
    code, _, err = run(capsys, kept / "lab" / "frame_000.dng", "--truth", kept / "leaves")
    assert code == 3 and "600 × 800" in err and "240 × 320" in err
    other = there / "burst"
    shutil.copytree(kept / "leaves", other)
    burst, truth = simulate.burst("leaves", size=(240, 320), frames=2, shake="still")
    moved = [type(f)(np.roll(f.dn, 4, axis=1), f.shot) for f in burst.frames]
    simulate.write(other, Burst(tuple(moved)), truth)
    code, _, err = run(capsys, other / "frame_000.dng", "--truth", other)
    assert code == 3 and "is moved by" in err and "--reference 0" in err


def test_sensitivities_give_the_metamerism_index(there, capsys):
    pytest.importorskip("colour", reason="the standard's surfaces come with colour-science")
    nm = np.arange(380, 785, 5)
    curves = [np.exp(-0.5 * ((nm - centre) / 35) ** 2) for centre in (600, 540, 460)]
    lines = ["nm,R,G,B", *(",".join(map(str, row)) for row in np.stack([nm, *curves], axis=1))]
    (there / "phone.csv").write_text("\n".join(lines))
    code, out, err = run(capsys, "--spectra", "phone.csv", "-o", "smi.html")
    assert code == 0, err
    value = float(
        next(w for w in out.splitlines() if "sensor metamerism index" in w).split("index")[1].split()[0]
    )
    assert 80 < value < 100


def test_the_self_test_passes_and_can_fail(there, capsys, monkeypatch):
    code, out, err = run(capsys, "--self-test", "-o", "self.json")
    assert code == 0, err
    assert out.count("  pass") == 19 and "FAIL" not in out
    monkeypatch.setattr(self_test, "edges", lambda: iter([self_test.Check("x", "", 1.2, 1.0, 0.1)]))
    monkeypatch.setattr(self_test, "chart", lambda: iter(()))
    code, out, err = run(capsys, "--self-test")
    assert code == 1 and "FAIL" in out and "x is 1.2" in err


@pytest.mark.parametrize(
    "text", ["edge:1,2,3", "1,2,3,4,5", "a,b,c,d", "leaves:1,2,3,4", "edge:-1,2,3,4", "1,2,0,4"]
)
def test_regions_that_make_no_sense_are_refused(text):
    with pytest.raises(UsageError, match="--roi"):
        roi(text)


def test_a_region_has_a_kind_and_a_place():
    found = roi("star:10,20,100,200", 2)
    assert found.element.kind == "star" and found.element.name == "star 2"
    assert found.pixels() == (10, 20, 110, 220)
    assert roi("1,2,30,40").element.kind == "edge"
