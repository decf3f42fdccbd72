# SPDX-License-Identifier: Apache-2.0
"""Content credentials: files signed with a key of one's own still open, and a changed byte is found."""

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("c2pa", reason='pip install "lichtbild[sign]"')
x509 = pytest.importorskip("cryptography.x509", reason='pip install "lichtbild[sign]"')

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402

from lichtbild import simulate  # noqa: E402
from lichtbild.base.errors import ExportError  # noqa: E402
from lichtbild.base.photo import GainMap, Photo  # noqa: E402
from lichtbild.publish import credentials  # noqa: E402
from lichtbild.publish.credentials import signature_of  # noqa: E402
from lichtbild.publish.photo import save  # noqa: E402
from lichtbild.tools.cli import call  # noqa: E402
from lichtbild.tools.codes import codes_of  # noqa: E402


def certificate(name, key, issuer, issuer_key, authority, days):
    def named(text):
        attributes = [(NameOID.COMMON_NAME, text), (NameOID.ORGANIZATION_NAME, "Ann's photographs")]
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])

    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
    flags = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment"), False)
    flags |= dict.fromkeys(("key_agreement", "encipher_only", "decipher_only"), False)
    usage = x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **flags
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(purpose, critical=False)
    return made.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    root, mine, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    top = certificate("Root", root, "Root", root, True, 365)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    for name, key in (("mine", mine), ("other", other)):
        open_key = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
        (folder / f"{name}.key").write_bytes(open_key)
    locked = mine.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"word"))
    (folder / "locked.key").write_bytes(locked)
    (folder / "mine.pem").write_bytes(certificate("Ann", mine, "Root", root, False, 365) + top)
    (folder / "old.pem").write_bytes(certificate("Ann", mine, "Root", root, False, 20) + top)
    return folder


@pytest.fixture(scope="module")
def burst(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed") / "burst"
    simulate.write(folder, *simulate.burst("leaves", size=(96, 128), frames=2))
    return folder


def made(burst, out, keys, *words, key="mine.key", chain="mine.pem"):
    verb = "merge" if out.suffix == ".dng" else "develop"
    signed = ["--sign", str(keys / key), "--certificate", str(keys / chain)] if key else []
    return call([verb, str(burst), "-o", str(out), "--quiet", *signed, *words])


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png", "a.dng", "a.avif"])
def test_a_signed_file_opens_is_valid_and_says_what_it_is(burst, tmp_path, keys, name, capsys):
    if name == "a.avif":
        pytest.importorskip("imagecodecs", reason='pip install "lichtbild[avif]"')
    plain, out = tmp_path / f"plain{name[1:]}", tmp_path / name
    assert made(burst, plain, keys, key="") == 0 and made(burst, out, keys) == 0
    one, other = codes_of(plain), codes_of(out)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[part], other[part]) for part in one)
    found = signature_of(out)
    assert found is not None and (found.state, found.name) == ("valid", "Ann")
    assert signature_of(plain) is None
    assert out.stat().st_size - plain.stat().st_size < 20_000  # no picture in the signature
    capsys.readouterr()
    assert call(["verify", str(out), str(burst), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["signature"] == {"state": "valid", "name": "Ann", "reason": ""}


def test_the_record_names_look_and_frames(burst, tmp_path, keys):
    import c2pa

    for strip, count in (("none", 2), ("all", 0)):
        out = tmp_path / strip / "NameOfAFriend.jpg"
        out.parent.mkdir()
        assert made(burst, out, keys, "--look", "vibrant", "--strip", strip) == 0
        with out.open("rb") as file, c2pa.Reader("image/jpeg", file) as reader:
            told = json.loads(reader.json())
        active = told["manifests"][told["active_manifest"]]
        actions = next(a["data"]["actions"] for a in active["assertions"] if "actions" in a["label"])
        assert [a["action"] for a in actions] == ["c2pa.created", "c2pa.color_adjustments"]
        assert actions[0]["digitalSourceType"].endswith("/computationalCapture")
        assert actions[1]["parameters"]["name"] == "vibrant"
        assert len(active.get("ingredients", [])) == count and "thumbnail" not in active
        assert (b"frame_000" in out.read_bytes()) == (strip == "none")
        assert active.get("title") == ("NameOfAFriend" if strip == "none" else None)
        assert (b"NameOfAFriend" in out.read_bytes()) == (strip == "none")


def test_a_signed_gain_map_is_still_one(burst, tmp_path, keys):
    shot = simulate.burst("leaves", size=(64, 64), frames=1)[0].frames[0].shot
    rng = np.random.default_rng(1)
    rgb = rng.random((64, 96, 3), np.float32)
    photo = Photo(rgb, "p3", replace(shot, orientation=1), gain=GainMap(rgb[::2, ::2] * 2, 2.0))
    out = save(photo, tmp_path / "a.jpg")
    before = codes_of(out)
    credentials.sign(out, credentials.signing(keys / "mine.key", keys / "mine.pem"))
    after = codes_of(out)
    assert before.keys() == {"picture", "gain map"} == after.keys()
    assert all(np.array_equal(before[part], after[part]) for part in before)
    assert signature_of(out).state == "valid"
    imagecodecs = pytest.importorskip("imagecodecs")
    bright = imagecodecs.ultrahdr_decode(out.read_bytes(), dtype="float16")
    assert bright[..., :3].astype(float).max() > 2  # light beyond white


def test_a_changed_byte_breaks_the_signature(burst, tmp_path, keys, capsys):
    out = tmp_path / "a.tif"
    assert made(burst, out, keys) == 0
    codes = codes_of(out)["picture"].tobytes()
    whole = bytearray(out.read_bytes())
    whole[whole.index(codes[3000:3040])] ^= 1
    out.write_bytes(whole)
    found = signature_of(out)
    assert found is not None and found.state == "broken" and "dataHash" in found.reason
    assert call(["verify", str(out), str(burst)]) == 1
    assert "signature broken" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "chain", "said"),
    [
        ("other.key", "mine.pem", "does not belong to the key"),
        ("locked.key", "mine.pem", "locked by a password"),
        ("mine.pem", "mine.pem", "no private key"),
        ("mine.key", "mine.key", "no certificate"),
        ("mine.key", "old.pem", "not today"),
        ("gone.key", "mine.pem", "cannot be read"),
    ],
)
def test_keys_that_cannot_sign_are_refused_before_anything_is_done(
    burst, tmp_path, keys, key, chain, said, capsys
):
    assert made(burst, tmp_path / "a.jpg", keys, key=key, chain=chain) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_missing_library_says_how_to_get_it(burst, tmp_path, keys, monkeypatch, capsys):
    out = tmp_path / "a.jpg"
    assert made(burst, out, keys) == 0

    def gone(name):
        raise ImportError(name)

    monkeypatch.setattr(credentials, "import_module", gone)
    assert made(burst, tmp_path / "b.jpg", keys) == 2
    assert 'pip install "lichtbild[sign]"' in capsys.readouterr().err
    found = signature_of(out)
    assert found is not None and found.state == "unread"


@pytest.mark.parametrize("word", ["refused", "written", "interrupted"])
def test_what_was_there_stays_where_signing_fails(burst, tmp_path, keys, monkeypatch, capsys, word):
    """All files of a burst appear together, signed; else the older ones are still there."""
    from lichtbild.tools import develop, provenance

    def fails(*_, **__):
        raise KeyboardInterrupt if word == "interrupted" else ExportError("no more")

    photo, dng = tmp_path / "a.jpg", tmp_path / "a.dng"
    for old in (photo, dng):
        old.write_bytes(b"older")
    monkeypatch.setattr(*((develop, "written") if word == "written" else (provenance, "sign")), fails)
    code = made(burst, photo, keys, "--dng", str(dng), "--overwrite")
    assert code == (130 if word == "interrupted" else 2) and "Traceback" not in capsys.readouterr().err
    assert photo.read_bytes() == dng.read_bytes() == b"older"
    assert sorted(tmp_path.iterdir()) == [dng, photo]
    monkeypatch.undo()
    assert made(burst, photo, keys, "--dng", str(dng), "--overwrite") == 0
    assert [s and s.state for s in map(signature_of, (photo, dng))] == ["valid", "valid"]
    assert sorted(tmp_path.iterdir()) == [dng, photo]


def test_sign_needs_both_words(burst, tmp_path, keys, capsys):
    words = ["develop", str(burst), "-o", str(tmp_path / "a.jpg"), "--sign", str(keys / "mine.key")]
    assert call(words) == 2
    assert "--certificate" in capsys.readouterr().err
