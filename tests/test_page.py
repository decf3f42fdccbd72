# SPDX-License-Identifier: Apache-2.0
"""The report as people meet it: well-formed, inert, and laid out by a browser for desk, phone and paper."""

import base64
import html.parser
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lichtbild.quality.reports.maps import code, contour, heat_map
from lichtbild.quality.reports.page import page
from lichtbild.quality.reports.plots import curves, decades, spoken, ticks
from lichtbild.quality.reports.report import Outline, Report, Source, View
from lichtbild.quality.reports.score import score
from lichtbild.quality.reports.tables import figures_html, number
from lichtbild.quality.result import Curve, Figure, Grid, Result, Swatch, unmeasured

VOID = {"meta", "br", "img", "hr", "link", "input"}
EVIL = "<script>alert(1)</script>\"'&\x00<img src=x onerror=alert(2)>"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def edge(n, y, x):
    """What a slanted edge gives, in closed form, for a blur that grows from the middle of the picture."""
    f, t = np.linspace(0, 1, 65), np.linspace(-6, 6, 97)
    figures, drawn = [], []
    for channel, sigma in zip("RGBY", (0.62, 0.52, 0.6, 0.54), strict=True):
        sigma += 0.2 * math.hypot(y - 1500, x - 2000) / 2000
        sfr = np.exp(-2 * np.pi**2 * sigma**2 * f**2)
        where = f"edge {n}, {channel}"
        half = math.sqrt(math.log(2) / 2) / math.pi / sigma
        note = "8-bit samples" if n == 3 else ""
        figures.append(Figure("MTF50", half, "cy/px", where, 0.0031, "higher", note))
        figures.append(Figure("overshoot", 3.1, "%", where, 0.4, "lower"))
        drawn.append(Curve("SFR", f, sfr, "frequency, cy/px", "SFR", where))
    drawn.append(Curve("ESF", t, 0.5 + 0.3 * np.tanh(t), "position, px", "linear light", f"edge {n}, Y"))
    how = {"method": "iso2023", "angle": f"{5 + n / 10:.1f}°"}
    return Result("resolution", f"Edge {n}", tuple(figures), how, tuple(drawn))


def everything(name="IMG_0042.dng"):
    """A report with every kind of content."""
    light = np.geomspace(0.002, 0.9, 12)
    y, x = np.mgrid[-1:1:11j, -1.3:1.3:11j]
    red, white = (42.1, 53.4, 28.2), (96.5, -0.4, 1.2)
    places = [(y, x) for y in (300, 1500, 2700) for x in (400, 2000, 3600)]
    results = (
        *(edge(n, *place) for n, place in enumerate(places, 1)),
        Result(
            "noise",
            "Grey patches",
            (
                Figure("dynamic range", 10.42, "EV", "", 0.05, "higher"),
                unmeasured("DSNU", "e⁻", "no dark frames"),
            ),
            curves=(
                Curve(
                    "SNR", light, 20 * np.log10(light / np.sqrt(1e-4 * light + 1e-6)), "light", "SNR, dB", "Y"
                ),
                Curve("variance", light, 1e-4 * light + 1e-6, "signal", "variance", "R"),
            ),
            warnings=("3 of 8 frames moved",),
        ),
        Result(
            "colour",
            f"Patches {name}",
            (Figure("ΔE00 mean", 2.5, "ΔE00", better="lower"),),
            swatches=(
                Swatch("red", (44.0, 50.0, 30.0), red, 2.9),
                Swatch(name, (95.0, 1.0, 3.0), white, 2.1),
            ),
        ),
        Result(
            "shading",
            "Fall-off",
            (Figure("shading", 1.1, "EV"),),
            grids=(Grid("light", -(y**2) - x**2, "EV"),),
        ),
        Result("else", "Of another kind", (Figure("x", 1.0),), {"how": name}),
    )
    outlines = tuple(
        Outline(f"edge {n}", "edge", ((y - 60, x - 50), (y - 60, x + 50), (y + 60, x + 50), (y + 60, x - 50)))
        for n, (y, x) in enumerate(places, 1)
    )
    small = io.BytesIO()
    Image.new("RGB", (320, 240), "grey").save(small, "JPEG")
    figures = [f for r in results for f in r.figures]
    source = Source(name, "9f86d081884c7d65" * 4, "Camera", "2025-09-21", "raw", (3000, 4000))
    view = View(name, (3000, 4000), outlines, small.getvalue())
    care = (f"{name}: no colour profile",)
    return Report(results, (source,), "lichtbild", {"Chart": name}, (view,), score(figures), care)


class Tree(html.parser.HTMLParser):
    """Reads a page and complains where tags do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def test_the_page_is_well_formed_and_holds_every_figure():
    report = everything()
    tree = Tree(page(report))
    words = " ".join(tree.words)
    for result, figure in report.figures():
        assert figure.name in words, result.title
        assert number(figure.value, figure.doubt) in words, figure
    for needed in (
        "8-bit samples",
        "no dark frames",
        "3 of 8 frames moved",
        "no colour profile",
        "lichtbild 1",
    ):
        assert needed in words
    ids = [a["id"] for _, a in tree.tags if "id" in a]
    assert len(ids) == len(set(ids))
    linked = {a["href"][1:] for t, a in tree.tags if t == "a"}
    assert linked and linked <= set(ids)


def test_every_drawing_has_a_title_and_every_column_a_head():
    tree = Tree(page(everything()))
    drawings = [a for t, a in tree.tags if t == "svg"]
    assert len(drawings) > 20 and all(a["role"] == "img" and a["aria-label"] for a in drawings)
    assert all(a.get("scope") in ("row", "col") for t, a in tree.tags if t == "th")
    assert ("html", {"lang": "en"}) in tree.tags


def test_what_users_bring_stays_text():
    tree = Tree(page(everything(EVIL)))
    assert {t for t, _ in tree.tags} & {"script", "img", "iframe", "object", "link"} == set()
    assert not any(key.startswith("on") for _, a in tree.tags for key in a)
    said = "".join(tree.words)
    assert EVIL.replace("\x00", "\N{REPLACEMENT CHARACTER}") in said


def test_nothing_comes_from_elsewhere():
    text = page(everything())
    for target in re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', text):
        assert "".join(target).startswith(("#", "data:image/")), target
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in text


def test_an_empty_report_is_a_page():
    tree = Tree(page(Report(())))
    assert "Image quality" in " ".join(tree.words)


def test_a_report_of_no_pictures_is_called_by_what_it_is():
    text = page(Report((Result("noise", "noise model of a camera", ()),)))
    assert "Noise report" in text and "<h1>Noise model of a camera</h1>" in text
    assert "mage quality" not in text


def test_the_same_report_is_the_same_page():
    assert page(everything()) == page(everything())


# ---- the parts of drawings


@pytest.mark.parametrize(
    "low, high, expected",
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-1.3, 0, [-1, -0.5, 0]), (3, 3, [3])],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_decades_are_powers_of_ten():
    assert decades(1e-6, 1) == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1])
    assert decades(0.5, 6) == pytest.approx([0.5, 1, 2, 5])


@pytest.mark.parametrize(
    "value, words",
    [(0.2512, "0.251"), (-3, "−3.00"), (0, "0"), (math.nan, "–"), (1.2e-5, "1.20·10⁻⁵"), (4321, "4321")],
)
def test_numbers_are_written_for_people(value, words):
    assert spoken(value) == words


def test_a_number_is_as_long_as_its_doubt_allows():
    assert [number(0.25123, d) for d in (0.0031, 0.00081, 0.02, 0.0)] == ["0.251", "0.2512", "0.251", "0.251"]


def test_a_contour_of_a_ramp_is_straight():
    y, x = np.mgrid[0:4, 0:5].astype(float)
    strokes = contour(x + 0 * y, 1.25)
    assert len(strokes) == 3 and all(p[1] == pytest.approx(1.25) for s in strokes for p in s)


def test_a_map_leaves_out_what_was_not_measured():
    values = np.ones((5, 5)) * np.arange(5)
    values[2, 2] = np.nan
    drawn = heat_map(Grid("light", values, "EV"), "holes")
    assert "0 … 4.00 EV" in drawn and "nan" not in drawn
    packed = base64.b64decode(re.search(r"base64,([^\"]+)", drawn)[1])
    alpha = np.asarray(Image.open(io.BytesIO(packed)))[..., 3]
    assert alpha[16, 16] == 0 and alpha[0, 0] == 255 and (alpha == 0).mean() < 0.1
    assert "nothing could be measured" in heat_map(Grid("light", values * np.nan, "EV"), "empty")


def test_figures_of_one_place_stand_together_by_colour():
    figures = [
        Figure(n, 1.0 + k, "dB", f"steps, {c}") for n in ("SNR", "noise") for k, c in enumerate("RGBY")
    ]
    tree = Tree(figures_html([*figures, Figure("gamma", 1.0, "", "steps")], "Figures"))
    assert [t for t, _ in tree.tags].count("table") == 2
    assert "steps" not in " ".join(tree.words)


def test_swatches_have_the_colour_of_their_lab():
    assert code((100.0, 0.0, 0.0)) == "#ffffff" and code((0.0, 0.0, 0.0)) == "#000000"
    assert code((53.585, 0.0, 0.0)) == "#808080"


def test_curves_with_holes_are_drawn_in_pieces():
    drawn = curves([Curve("a", np.arange(5), np.array([1, 2, np.nan, 4, 5]), "x", "y")], "holes")
    path = re.search(r'<path d="([^"]*)"', drawn)
    assert path and path[1].count("M") == 2 and "nan" not in drawn


# ---- a real browser


ON_3_AND_4 = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
for end, fd in zip(ends, (3, 4)):
    os.dup2(end, fd)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Chromium:
    """A headless Chromium, spoken to through its debugging pipe: commands out, answers and events back."""

    def __init__(self, home):
        read, self.out = os.pipe()
        self.back, write = os.pipe()
        flags = ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--remote-debugging-pipe")
        command = [BROWSER, *flags, f"--user-data-dir={home}", "about:blank"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_3_AND_4, str(read), str(write), *command],
            pass_fds=(read, write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read)
        os.close(write)
        self.number, self.rest, self.events, self.session = 0, b"", [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def next(self):
        while b"\0" not in self.rest:
            chunk = os.read(self.back, 1 << 16)
            assert chunk, "the browser went away"
            self.rest += chunk
        one, _, self.rest = self.rest.partition(b"\0")
        return json.loads(one)

    def show(self, path, width, *, dark=False, media=""):
        """Load a page; gives what it asked the network for and what it complained about."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1,
                 mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=path.as_uri())
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.next())
        self.of("document.querySelectorAll('details').forEach(d => d.open = true)")
        asked = [e["params"]["request"]["url"] for e in self.events
                 if e.get("method") == "Network.requestWillBeSent"]  # fmt: skip
        said = [e for e in self.events if e.get("method") in
                ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]  # fmt: skip
        return [u for u in asked if not u.startswith("data:")], said

    def of(self, expression):
        """The value of a JavaScript expression on the page."""
        answer = self.ask("Runtime.evaluate", expression=f"JSON.stringify({expression})", returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return json.loads(answer["result"].get("value") or "null")

    def close(self):
        self.process.terminate()
        self.process.wait()
        os.close(self.out)
        os.close(self.back)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if not BROWSER:
        pytest.skip("no Chromium on this machine")
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(everything("IMG_0042_a_very_long_name_that_a_camera_program_thought_good.dng")))
    return path


SMALL = """[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect())
    .filter(b => !(b.width > 80 && b.height > 40)).length"""
WIDE = """[...document.querySelectorAll('main *, header *, footer *')].filter(e => !e.closest('svg')
    && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 90))"""
CUT = """[...document.querySelectorAll('svg text')].filter(t => {
    const a = t.getBoundingClientRect(), b = t.ownerSVGElement.getBoundingClientRect();
    return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 3 || a.bottom > b.bottom + 3
  }).map(t => t.textContent)"""
LETTERS = """[...document.querySelectorAll('.cards:not(.small) svg:not(.view) text')]
    .map(t => parseFloat(getComputedStyle(t).fontSize)
    * Math.hypot(...['a', 'b'].map(k => t.getScreenCTM()[k])))"""


@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_lays_it_out(chromium, written, width, dark):
    asked, said = chromium.show(written, width, dark=dark)
    assert asked == [written.as_uri()], "something was asked of the network"
    assert said == []
    assert chromium.of("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert chromium.of(WIDE) == []
    assert chromium.of(SMALL) == 0
    assert chromium.of(CUT) == []


# Contrast of every text with the first opaque ground behind it, as WCAG 2.1 defines it.
CONTRAST = """(() => {
  const lin = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const rgb = c => c.match(/[\\d.]+/g).map(Number);
  const lum = c => 0.2126 * lin(c[0]) + 0.7152 * lin(c[1]) + 0.0722 * lin(c[2]);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0.99) return c; } return [255, 255, 255]; };
  const low = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (e.matches('title, .onmap, .pill')) continue;
    const s = getComputedStyle(e), a = lum(rgb(e.closest('svg') ? s.fill : s.color)), b = lum(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(e.textContent.slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return low;
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_the_contrast_that_eyes_need(chromium, written, dark):
    chromium.show(written, 1280, dark=dark)
    assert chromium.of(CONTRAST) == []
    ground = chromium.of("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 120) == dark


def test_letters_are_large_enough_to_read_on_a_phone(chromium, written):
    chromium.show(written, 390)
    assert min(chromium.of(LETTERS)) >= 9.5


def test_it_prints_on_paper_and_every_figure_is_there(chromium, written):
    chromium.show(written, 1280, dark=True)
    pdf = base64.b64decode(chromium.ask("Page.printToPDF", preferCSSPageSize=True)["data"])
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pdf.startswith(b"%PDF") and 3 <= pages <= 14
    assert set(re.findall(rb"/MediaBox\s*\[([^\]]*)\]", pdf)) and b"594" in pdf  # A4
    chromium.show(written, 680, dark=True, media="print")
    assert chromium.of("getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )
    assert chromium.of("getComputedStyle(document.body).color") == "rgb(29, 29, 31)"
