# SPDX-License-Identifier: Apache-2.0
"""Privacy: forty things that say who and where, planted into raws, are in no file that is stripped."""

import base64
import io
import json
import shutil
import subprocess
from dataclasses import replace

import pytest
from PIL import Image

from lichtbild import simulate
from lichtbild.base import tiff
from lichtbild.base.tiff import BYTE, RATIONAL, UNDEFINED, Page, ascii_field, bytes_field, numbers_field
from lichtbild.capture.raw import read_shot
from lichtbild.capture.words import iptc_words, xmp_words
from lichtbild.publish import dng
from lichtbild.publish.metadata import Carried
from lichtbild.publish.packet import made_of, nameless, xmp_packet
from lichtbild.tools.cli import call

NEEDS_EXIFTOOL = pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
NEEDS = {"avif": "imagecodecs", "heic": "pillow_heif", "jxl": "imagecodecs"}
CONTAINERS = ("jpg", "tif", "png", *NEEDS)

MAIN = {
    270: "SecretCaption", 315: "SecretArtist", 316: "SecretHost", 33432: "SecretCopyright",
    40093: "SecretXPAuthor", 50735: "SecretBodySerial", 50827: "SecretRawName",
    50740: b"Adobe\0SecretPrivate", 50942: "SecretProfileOwner", 285: "SecretPage",
    50781: b"SecretRawDataUID", 333: "SecretInk",
}  # fmt: skip
EXIF = {
    37500: b"SecretMakerNote" * 4, 37510: b"ASCII\0\0\0SecretComment", 42016: "SecretImageUID",
    42032: "SecretOwner", 42033: "SecretSerial", 42037: "SecretLensSerial", 40964: "SecretSound.wav",
    37394: "SecretSecurity", 37395: "SecretHistory", 42080: "SecretComposite",
}  # fmt: skip
NAMES = [
    *("SecretTitle", "SecretDescription", "SecretCreator", "SecretRights", "SecretKeyword", "SecretLabel"),
    *("SecretFace", "SecretHierarchy", "SecretEvent", "SecretDocument"),
]
PLACE = ["SecretCity", "SecretState", "SecretCountry", "SecretLocation", "12,34.5678N", "98,7.6543E"]
IPTC = {
    80: "SecretByline", 120: "SecretIptcCaption", 90: "SecretIptcCity", 101: "SecretIptcLand",
    118: "SecretPhone",
}  # fmt: skip
GPS_DIRECTORY = {
    1: ascii_field("N"), 2: numbers_field(RATIONAL, 12, 34, 5.678), 3: ascii_field("E"),
    4: numbers_field(RATIONAL, 98, 7, 6.543), 27: bytes_field(UNDEFINED, b"ASCII\0\0\0SecretMethod"),
    28: bytes_field(UNDEFINED, b"ASCII\0\0\0SecretArea"),
}  # fmt: skip


def thumbnail():
    """A JPEG that says a place and a name of its own."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[315] = "SecretThumb"
    exif.get_ifd(0x8825)[28] = b"ASCII\0\0\0SecretThumbPlace"
    Image.new("RGB", (16, 12)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def packet():
    title, description, creator, rights, keyword, label, face, tree, event, document = NAMES
    city, state, country, location, north, east = PLACE
    small = base64.b64encode(thumbnail()).decode()
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:i="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/" xmlns:m="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:mm="http://ns.adobe.com/xap/1.0/mm/" xmlns:g="http://ns.adobe.com/xap/1.0/g/img/"
 xmp:Rating="4" xmp:Label="{label}" photoshop:City="{city}" photoshop:State="{state}"
 exif:GPSLatitude="{north}"
 exif:GPSLongitude="{east}" photoshop:Country="{country}" i:Location="{location}" mm:DocumentID="{document}">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>{creator}</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{rights}</rdf:li></rdf:Alt></dc:rights>
<dc:subject><rdf:Bag><rdf:li>{keyword}</rdf:li><rdf:li>sea &amp; sky</rdf:li></rdf:Bag></dc:subject>
<lr:hierarchicalSubject><rdf:Bag><rdf:li>Family|{tree}</rdf:li></rdf:Bag></lr:hierarchicalSubject>
<e:Event>{event}</e:Event>
<m:Regions rdf:parseType="Resource"><m:RegionList><rdf:Bag><rdf:li><rdf:Description m:Name="{face}"
 dc:title="{face}"/></rdf:li></rdf:Bag></m:RegionList></m:Regions>
<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource">
<g:image>{small}</g:image></rdf:li></rdf:Alt></xmp:Thumbnails>
</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


def iptc():
    entries = [(1, 90, b"\x1b%G"), *((2, n, text.encode()) for n, text in IPTC.items())]
    return b"".join(b"\x1c" + bytes((r, n)) + len(v).to_bytes(2, "big") + v for r, n, v in entries)


PLANTED = [
    *(v if isinstance(v, str) else v[v.rindex(b"Secret") :].decode() for v in {**MAIN, **EXIF}.values()),
    *NAMES, *PLACE, *IPTC.values(), "SecretMethod", "SecretArea", "SecretThumb", "SecretThumbPlace",
]  # fmt: skip
PLACES = [*PLACE, "SecretIptcCity", "SecretIptcLand", "SecretMethod", "SecretArea", "SecretThumbPlace"]
ALLOWED = set(NAMES[:6])
PROFILE = {"SecretProfileOwner"}  # of the embedded profile, whose maker forbids less


def planting(shot, **words):
    """What a raw says when forty people wrote into it."""
    made = dng_carried(shot, **words)
    as_field = {str: ascii_field, bytes: lambda v: bytes_field(UNDEFINED, v)}
    main = made.main | {tag: as_field[type(v)](v) for tag, v in MAIN.items()}
    main |= {700: bytes_field(BYTE, packet()), 33723: bytes_field(UNDEFINED, iptc())}
    main |= {40093: bytes_field(BYTE, (MAIN[40093] + "\0").encode("utf-16-le"))}
    deep = made.below[tiff.EXIF_IFD][0].fields | {tag: as_field[type(v)](v) for tag, v in EXIF.items()}
    return Carried(main, {tiff.EXIF_IFD: [Page(deep)], tiff.GPS_IFD: [Page(GPS_DIRECTORY)]})


dng_carried = dng.carried


@pytest.fixture(scope="module")
def burst(tmp_path_factory):
    folder = tmp_path_factory.mktemp("SecretFolder") / "SecretBurst"
    frames, truth = simulate.burst("leaves", size=(96, 128), frames=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dng, "carried", planting)
        simulate.write(folder, frames, truth)
    raws = sorted(folder.glob("*.dng"))
    for k, path in enumerate(raws):
        path.rename(folder / f"SecretRaw{k}.dng")
    return folder


def made(burst, tmp_path, suffix, strip):
    """A photo of that kind; for DNG the merged file."""
    if suffix in NEEDS:
        pytest.importorskip(NEEDS[suffix], reason=f'pip install "lichtbild[{suffix}]"')
    out = tmp_path / f"out.{suffix}"
    verb = "merge" if suffix == "dng" else "develop"
    assert call([verb, str(burst), "-o", str(out), "--strip", strip, "--quiet"]) == 0
    return out


def traces(path, secrets):
    """Which of the secrets stand in the bytes, in any of the ways text is held there."""
    held = path.read_bytes()
    return {
        s
        for s in secrets
        if any(form in held for form in (s.encode(), s.encode("utf-16-le"), s.encode("utf-16-be")))
    }


def test_the_secrets_are_really_in_the_raw(burst):
    raw = burst / "SecretRaw0.dng"
    inside = {"SecretThumb", "SecretThumbPlace"}  # encoded in base 64
    assert len(PLANTED) >= 40 and traces(raw, PLANTED) == set(PLANTED) - inside
    assert base64.b64encode(thumbnail()) in raw.read_bytes()
    assert "gps" in read_shot(raw).exif


@pytest.mark.parametrize("suffix", [*CONTAINERS, "dng"])
def test_nothing_is_left_after_all(burst, tmp_path, suffix):
    out = made(burst, tmp_path, suffix, "all")
    assert traces(out, [*PLANTED, "SecretRaw0", "SecretFolder", "SecretBurst", "Secret"]) == set()
    assert traces(out, [base64.b64encode(thumbnail()).decode()[:40]]) == set()
    assert made_of(out).inputs == () and made_of(out).words == {}


@pytest.mark.parametrize("suffix", [*CONTAINERS, "dng"])
def test_no_place_is_left_after_gps_but_the_words_are(burst, tmp_path, suffix):
    out = made(burst, tmp_path, suffix, "gps")
    kept = ALLOWED | (PROFILE if suffix == "dng" else set())
    assert traces(out, PLANTED) == kept
    assert traces(out, ["SecretFolder", "SecretBurst"]) == set()
    said = made_of(out)
    assert said.words["dc:subject"] == ("SecretKeyword", "sea & sky")
    assert said.words["xmp:Rating"] == ("4",)
    assert [name for name, _ in said.inputs] == ["SecretRaw0.dng", "SecretRaw1.dng"]


@pytest.mark.parametrize("suffix", ["jpg", "dng"])
def test_with_nothing_stripped_the_place_is_carried_and_strangers_words_are_not(burst, tmp_path, suffix):
    out = made(burst, tmp_path, suffix, "none")
    kept = ALLOWED | set(PLACE) | (PROFILE if suffix == "dng" else set())
    assert traces(out, PLANTED) == kept


@NEEDS_EXIFTOOL
@pytest.mark.parametrize("suffix", [*CONTAINERS, "dng"])
def test_exiftool_finds_none_of_them(burst, tmp_path, suffix):
    def said(path):
        ran = ["exiftool", "-j", "-a", "-u", "-ee", "-G1", "-struct", "-b", str(path)]
        return json.loads(subprocess.run(ran, capture_output=True, text=True, check=True).stdout)[0]

    raw = json.dumps({k: v for k, v in said(burst / "SecretRaw0.dng").items() if "File" not in k})
    assert sum(s in raw for s in PLANTED) >= 30  # what exiftool shows as text; the others are seen as bytes
    places = ("GPS", "City", "State", "Country", "Location", "Sub-location")
    for strip in ("all", "gps"):
        (tmp_path / strip).mkdir()
        tags = said(made(burst, tmp_path / strip, suffix, strip))
        tags = {k: v for k, v in tags.items() if k != "SourceFile" and not k.startswith("System:")}
        assert not [k for k in tags if any(p in k.split(":")[-1] for p in places)]
        if strip == "all":
            assert "Secret" not in json.dumps(tags)
            assert not [k for k in tags if any(w in k for w in ("Serial", "Owner", "Artist", "MakerNote"))]
            names = ("Make", "Model", "DateTimeOriginal", "Creator")
            assert not [k for k in tags if k.split(":")[-1] in names]


def test_a_sidecar_counts_before_the_raw(burst, tmp_path):
    copy = tmp_path / "a.dng"
    shutil.copy(burst / "SecretRaw0.dng", copy)
    assert read_shot(copy).words["dc:title"] == ("SecretTitle",)
    (tmp_path / "a.xmp").write_bytes(packet().replace(b"SecretTitle", "Möwen".encode()))
    assert read_shot(copy).words["dc:title"] == ("Möwen",)
    (tmp_path / "a.xmp").write_bytes(b"<x:xmpmeta")
    assert read_shot(copy).words["dc:title"] == ("SecretTitle",)


def test_iptc_speaks_where_xmp_does_not():
    words = iptc_words(iptc())
    assert words["dc:creator"] == ("SecretByline",) and words["photoshop:City"] == ("SecretIptcCity",)
    for cut in range(len(iptc())):  # damaged anywhere: no error
        iptc_words(iptc()[:cut])


def test_xmp_that_declares_entities_says_nothing():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + packet()
    assert xmp_words(bomb) == {} and xmp_words(b"\xff\xfe<") == {}


def test_no_folder_is_named_in_any_mode():
    recipe = '[lut]\nfile = "/home/anna/looks/warm.cube#2"\nblend = 1.0\n[superres]\nscale = "1.5"\n'
    assert nameless(recipe) == recipe.replace("/home/anna/looks/", "")
    windows = '[lut]\nfile = "C:\\\\Users\\\\anna\\\\warm.cube"\n'
    assert nameless(windows) == '[lut]\nfile = "warm.cube"\n'
    assert "warm" not in nameless(recipe, files=False) and 'scale = "1.5"' in nameless(recipe, files=False)
    lines = ("lut /home/anna/warm.cube 0.5", "exposure 1/30 s", "lut ~/x y.cube")
    for strip in ("none", "gps", "all"):
        text = xmp_packet(recipe, lines, [("/home/anna/a.dng", "00")], strip=strip).decode()
        assert "anna" not in text and "1/30 s" in text and "warm.cube 0.5" in text


def test_words_survive_xml(tmp_path):
    shot = simulate.burst("leaves", size=(64, 64), frames=1)[0].frames[0].shot
    said = {"dc:title": ("<Tom> & 'Jerry'\x01",), "dc:creator": ("Ann", "Bob"), "evil:tag": ("x",)}
    path = tmp_path / "a.bin"
    path.write_bytes(b"..." + xmp_packet("", (), shot=replace(shot, words=said)) + b"...")
    words = made_of(path).words
    assert words["dc:title"] == ("<Tom> & 'Jerry'",) and words["dc:creator"] == ("Ann", "Bob")
    assert "evil:tag" not in words and len(words) == 2
