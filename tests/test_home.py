# SPDX-License-Identifier: Apache-2.0
"""The user's folder: where it is, and that nothing is made by looking."""

from pathlib import Path

import pytest

from lichtbild.base.errors import ExportError, InputError
from lichtbild.base.home import home, kept, shelf


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("LICHTBILD_HOME", str(tmp_path / "own"))
    assert home() == tmp_path / "own"
    monkeypatch.delenv("LICHTBILD_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert home() == tmp_path / "lichtbild"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert home() == Path.home() / ".config" / "lichtbild"


def test_looking_makes_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("LICHTBILD_HOME", str(tmp_path / "own"))
    assert kept("profiles", ".dcp") == ()
    assert not (tmp_path / "own").exists()


def test_what_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("LICHTBILD_HOME", str(tmp_path / "own"))
    folder = shelf("profiles")
    for name in ("b.DCP", "a.dcp", ".hidden.dcp", "other.txt"):
        (folder / name).touch()
    assert [p.name for p in kept("profiles", ".dcp")] == ["a.dcp", "b.DCP"]


def test_a_folder_that_cannot_be_made(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LICHTBILD_HOME", str(tmp_path / "file"))
    with pytest.raises(ExportError, match="cannot be made"):
        shelf("profiles")


def test_a_home_that_nobody_has(monkeypatch):
    monkeypatch.setenv("LICHTBILD_HOME", "~nobody-of-that-name/own")
    assert home() == Path("~nobody-of-that-name/own") and kept("looks", ".toml") == ()


def test_a_folder_that_may_not_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv("LICHTBILD_HOME", str(tmp_path))
    (tmp_path / "looks").mkdir()

    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)  # root may read everything
    with pytest.raises(InputError, match="looks cannot be read: Permission denied"):
        kept("looks", ".toml")
