# SPDX-License-Identifier: Apache-2.0
"""What is offered is documented, and what is documented is real."""

import argparse
import inspect
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lichtbild as lb
from lichtbild import simulate
from lichtbild.base import errors
from lichtbild.look.look import looks as shelf
from lichtbild.recipe import Recipe, stages
from lichtbild.tools import cli, outcome

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
DOCS = "\n".join(p.read_text(encoding="utf-8") for p in PAGES)
VERBS = next(a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction)).choices


def blocks(language):
    """Every code block of a language in the documents, with the page it is on."""
    for page in PAGES:
        for code in re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            yield page.relative_to(ROOT).as_posix(), code


def commands():
    for page, code in blocks("sh"):
        for line in code.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["lichtbild"]:
                yield pytest.param(words[1:], id=f"{page}: {line.split('#')[0].strip()}")


@pytest.mark.parametrize("words", [*commands()])
def test_every_command_in_the_documents_is_understood(words):
    args = cli.parser().parse_args(words)
    Recipe.of(*getattr(args, "settings", []))


def test_the_two_commands_of_the_readme_stand_there():
    assert "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/lichtbild demo" in README
    assert '.venv/bin/pip install ".[test]" && .venv/bin/pytest' in README


def test_the_python_in_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    simulate.write(tmp_path / "shots" / "0042", *simulate.burst("leaves", size=(96, 128), frames=3))
    ran = 0
    for page, code in blocks("python"):
        if page == "README.md":
            exec(compile(code, page, "exec"), {})
            ran += 1
    assert ran and (tmp_path / "0042.jpg").stat().st_size > 1000
    assert "merge" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["knobs.md", "looks.md", "command-line.md", "python.md"])
def test_the_reference_is_up_to_date(page):
    write = runpy.run_path(str(ROOT / "docs" / "generate.py"))["PAGES"][page]
    assert (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8") == write(), (
        "run python docs/generate.py"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_in_the_documents_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_is_explained(verb):
    assert verb in VERBS and VERBS[verb].description.endswith(".")
    assert f"`{verb}" in README or f", `{verb}" in README
    assert all(a.help or a.metavar in ("FILE|FOLDER", "FILE", "DIR", "STAGE") for a in VERBS[verb]._actions)


def test_the_grammar_and_the_verbs_agree():
    assert list(VERBS) == list(cli.VERBS)


def test_every_knob_look_error_and_name_is_in_the_documents():
    knobs = [f"`{k.name}`" for kind in stages().values() for k in kind.knobs()]
    tree = [e.__name__ for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, Exception)]
    missing = [
        word
        for word in (
            *knobs,
            *(f"## {s}" for s in stages()),
            *(f"## {n}" for n in lb.looks),
            *tree,
            *(f"`{n}`" for n in lb.__all__),
        )
        if word not in DOCS
    ]
    assert missing == []


@pytest.mark.parametrize("look", list(lb.looks))
def test_every_look_has_a_page_with_its_words_and_pictures(look):
    page = (ROOT / "docs" / "looks" / f"{look}.md").read_text(encoding="utf-8")
    known = shelf[look]
    assert known.words in page and f"({look}.jpg)" in page
    turned = [f"{s}.{k} = " for s, knobs in known.settings.items() for k in knobs]
    assert all(line in page for line in turned)
    assert f"[{look}]({look}.md)" in (ROOT / "docs" / "looks" / "README.md").read_text(encoding="utf-8")


def test_every_exit_code_is_in_the_documents():
    for code in ("DONE", "SOME_FAILED", "USAGE", "REFUSED", "RESOURCES", "BUG", "INTERRUPTED"):
        assert re.search(rf"^\| {getattr(outcome, code)} \|", DOCS, re.M), code


@pytest.mark.parametrize("name", lb.__all__)
def test_every_public_name_is_there(name):
    assert getattr(lb, name) is not None
    assert name in dir(lb)


def test_names_that_are_not_public_are_refused():
    with pytest.raises(AttributeError, match="no public name 'develp'; did you mean develop"):
        _ = lb.develp


def test_the_version_is_one():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert lb.__version__ == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_import_is_light():
    code = "import sys, lichtbild; print({'numpy', 'rawpy', 'PIL', 'rich'} & set(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert ran.stdout.strip() == "set()"


def test_files_are_short_and_say_their_licence():
    for path in sorted((ROOT / "src").rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "# SPDX-License-Identifier: Apache-2.0", path
        assert len(lines) <= 300, f"{path} has {len(lines)} lines"
