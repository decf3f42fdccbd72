# SPDX-License-Identifier: Apache-2.0
"""Content credentials (C2PA): a file signed with the photographer's own key, and signatures read back.

What is signed: that the file was made computationally from photographs of a camera, by which look, and of
which frames (by name and SHA-256; none where all is stripped).  A signature shows that nothing was changed
since; whether to trust whose it is, is for the reader to decide.

It comes last: whatever is written into the file afterwards breaks it.

References
----------
[1] C2PA Technical Specification 2.1.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from lichtbild.base.errors import ExportError
from lichtbild.base.tiff import write_file
from lichtbild.base.version import __version__

MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/computationalCapture"
KINDS = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".dng": "image/x-adobe-dng",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".jxl": "image/jxl",
}
_MARKS = (b"jumdc2pa", b"urn:c2pa:", b"urn:uuid:")
_EXTRA = 'pip install "lichtbild[sign]"'
_QUIET = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_trust": False}}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True, slots=True)
class Signature:
    """What a file's signature says: ``state`` is valid, broken, or unread; ``name`` is of its certificate."""

    state: str
    name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Signing:
    """A key with its certificates, checked: both as PEM, and the algorithm that they are for."""

    key: bytes
    chain: bytes
    algorithm: str


def signing(key: Path, certificate: Path) -> Signing:
    """Read a private key and its chain of certificates, the signer's first.

    Raises
    ------
    ExportError
        A library is missing, a file is unreadable, the key is of no kind that can sign or not the
        certificate's, or the certificate is not valid today.
    """
    _library()
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization as form
    except ImportError as error:
        raise ExportError("signing needs cryptography, which is not installed", hint=_EXTRA) from error
    try:
        secret, chain = key.read_bytes(), certificate.read_bytes()
    except OSError as error:
        raise ExportError(f"{error.filename} cannot be read: {error.strerror}") from error
    try:
        private: Any = form.load_pem_private_key(secret, None)
    except TypeError as error:
        hint = f"openssl pkey -in {key} -out open.pem"
        raise ExportError(f"{key} is locked by a password", hint=hint) from error
    except ValueError as error:
        hint = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 makes one"
        raise ExportError(f"{key} is no private key in PEM", hint=hint) from error
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError) as error:
        raise ExportError(f"{certificate} is no certificate in PEM") from error
    plain = form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*plain) != leaf.public_key().public_bytes(*plain):
        raise ExportError(f"{certificate} does not belong to the key {key}", hint="the signer's comes first")
    today = datetime.now(UTC)
    if not leaf.not_valid_before_utc <= today <= leaf.not_valid_after_utc:
        span = f"{leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        raise ExportError(f"{certificate} is valid from {span}, not today", hint="ask for another one")
    pem = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return Signing(pem, chain, _algorithm(private, key))


def _algorithm(private: Any, key: Path) -> str:
    kind = type(private).__name__
    if (curve := getattr(getattr(private, "curve", None), "name", "")) in _CURVES:
        return _CURVES[curve]
    if "RSA" in kind and private.key_size >= 2048:
        return "ps256"
    if "Ed25519" in kind:
        return "ed25519"
    raise ExportError(
        f"{key} is of a kind that cannot sign",
        hint="allowed are EC P-256, P-384, P-521, RSA from 2048 bits, Ed25519",
    )


def sign(
    path: Path,
    by: Signing,
    *,
    title: str = "",
    look: str = "",
    inputs: Iterable[tuple[str, str]] = (),
) -> None:
    """Sign a file in place; it is replaced whole or not at all.

    Parameters
    ----------
    title : str
        What the picture is called, for the record.
    look : str
        Name of the look, for the record; none where nothing was graded.
    inputs : iterable of (name, SHA-256)
        What it was made of.

    Raises
    ------
    ExportError
        The format cannot be signed, or the library refuses the certificate.
    """
    c2pa, kind = _library(), KINDS.get(path.suffix.lower())
    if kind is None:
        raise ExportError(f"{path}: {path.suffix} cannot be signed; allowed are {', '.join(KINDS)}")
    told, signed = json.dumps(manifest(title, look, inputs)), io.BytesIO()
    try:
        signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(by.algorithm.encode(), by.chain, by.key, None)  # an empty address fails
        )
        with c2pa.Context(c2pa.Settings.from_dict(_QUIET)) as context, c2pa.Builder(told, context) as builder:
            builder.sign(signer, kind, io.BytesIO(path.read_bytes()), signed)
    except c2pa.C2paError as error:
        raise ExportError(
            f"{path} could not be signed: {error}",
            hint="a certificate for signing has digitalSignature and emailProtection, and a chain",
        ) from error
    write_file(path, [signed.getbuffer()], overwrite=True)


def manifest(title: str, look: str, inputs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What is signed, as the library takes it."""
    actions: list[dict[str, Any]] = [{"action": "c2pa.created", "digitalSourceType": MADE}]
    if look:
        actions.append({"action": "c2pa.color_adjustments", "parameters": {"name": look}})
    return {
        "claim_generator_info": [{"name": "lichtbild", "version": __version__}],
        **({"title": title} if title else {}),
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
        "ingredients": [
            {"title": name, "relationship": "inputTo", "instance_id": f"urn:sha256:{digest}"}
            for name, digest in inputs
        ],
    }


def signature_of(path: Path) -> Signature | None:
    """The signature of a file; None where it has none.

    Where the library is missing, ``state`` is unread.
    """
    kind = KINDS.get(path.suffix.lower())
    whole = path.read_bytes()
    if kind is None or not any(mark in whole for mark in _MARKS):
        return None
    try:
        c2pa = _library()
    except ExportError:
        return Signature("unread", reason=f"c2pa-python is not installed: {_EXTRA}")
    try:
        with (
            c2pa.Context(c2pa.Settings.from_dict(_QUIET)) as context,
            c2pa.Reader(kind, io.BytesIO(whole), context=context) as reader,
        ):
            told, state = json.loads(reader.json()), reader.get_validation_state()
    except c2pa.C2paError as error:
        if "ManifestNotFound" in type(error).__name__ + str(error):
            return None
        return Signature("broken", reason=str(error))
    active = told["manifests"][told["active_manifest"]]
    who = active.get("signature_info", {})
    name = who.get("common_name") or who.get("issuer") or ""
    if state in ("Valid", "Trusted"):
        return Signature("valid", name)
    codes = [str(s.get("code", "")) for s in told.get("validation_status", [])]
    codes = [code for code in codes if "untrusted" not in code]
    return Signature("broken", name, ", ".join(codes))


def _library() -> Any:
    try:
        return import_module("c2pa")
    except ImportError as error:
        raise ExportError("signing needs c2pa-python, which is not installed", hint=_EXTRA) from error
