# SPDX-License-Identifier: Apache-2.0
"""The law of the tree: a module imports only from its own folder and from folders above it."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
    "layers"
]
ORDER = [layer.removeprefix("lichtbild.") for layer in reversed(LAYERS)]


def imported(tree):
    """Every module a file imports, as dotted words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_look_up():
    for path in sorted((ROOT / "src" / "lichtbild").rglob("*.py")):
        here = path.relative_to(ROOT / "src" / "lichtbild").with_suffix("").parts[0]
        for name in imported(ast.parse(path.read_text())):
            there = name.split(".")[1] if name.startswith("lichtbild.") else None
            if there in ORDER and here in ORDER:
                assert ORDER.index(there) <= ORDER.index(here), f"{path.relative_to(ROOT)} imports {name}"


def test_every_folder_has_its_place_in_the_law():
    package = ROOT / "src" / "lichtbild"
    words = {p.name for p in package.iterdir() if (p / "__init__.py").exists()} | {"recipe", "pipeline"}
    assert words == set(ORDER)


def test_the_path_of_light_is_alphabetical():
    path = [w for w in ORDER if w not in ("recipe", "pipeline")]
    assert path == sorted(path)
