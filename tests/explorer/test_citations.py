"""What is cited: well-formed BibTeX, with the papers of each objective."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from explorer import __version__, paths
from explorer.checkpoints import describe
from explorer.cli import main
from explorer.export.citations import METHOD, PAPERS, cited
from models.kinds import OBJECTIVES

FIELD = re.compile(r"  [a-z]+ = \{.+\},")


def check(text: str) -> list[str]:
    """The keys of well-formed entries."""
    keys = []
    for entry in text.strip().split("\n\n"):
        first, *fields, last = entry.splitlines()
        found = re.fullmatch(r"@[a-z]+\{([a-z0-9_]+),", first)
        assert found and last == "}" and all(FIELD.fullmatch(line) for line in fields), entry
        assert entry.count("{") == entry.count("}")
        assert {"title", "author", "year"} <= {line.split()[0] for line in fields}
        keys.append(found[1])
    assert len(set(keys)) == len(keys)
    return keys


def test_every_objective_has_its_papers() -> None:
    for name, objective in OBJECTIVES.items():
        assert [words for words in PAPERS if words in objective.source], name
    check("\n".join(PAPERS.values()))


@pytest.mark.parametrize("name", [None, "dsprites-beta4", "scene-disentangled", "dsprites-any-beta"])
def test_a_model_is_cited_with_its_method(name: str | None) -> None:
    words = [] if name is None else [name]
    made = CliRunner().invoke(main, ["cite", *words])
    assert made.exit_code == 0
    keys = check(made.output)
    assert keys[0] == "beta_vae_explorer" and "higgins2017beta" in keys
    if name is not None:
        assert describe(name).hash in made.output
    assert ("locatello2020disentangling" in keys) == (name == "scene-disentangled")
    assert ("bae2023multirate" in keys) == (name == "dsprites-any-beta")


def test_the_citation_file_is_one_and_says_the_version() -> None:
    told = yaml.safe_load(Path(paths.PROJECT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "version"} <= told.keys()
    assert told["version"] == __version__ and told["license"] == "MIT"
    [reference] = told["references"]
    title = PAPERS[METHOD].split("title = {{")[1].split("}")[0]
    assert reference["title"] == title and "Higgins" in cited()
