"""The papers' figures: each has a command that the program knows, and says what of the paper is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from explorer.cli import main
from recipes.papers.figures import FIGURES
from recipes.papers.shown import SHOWN

ROOT = Path(__file__).resolve().parents[2]


def test_there_is_one_for_each_of_the_twenty_papers() -> None:
    assert len(FIGURES) + len(SHOWN) == 20 and not set(FIGURES) & set(SHOWN)
    for shown in SHOWN.values():
        assert shown.said.count(".") >= 1 and shown.commands


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_its_commands_are_commands_of_the_program(name: str) -> None:
    for text in SHOWN[name].commands:
        command: click.Command = main
        words, context = text.split(), click.Context(main)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, text
            command, context = found, click.Context(found)
        command.make_context("command", words)  # raises where an option or a value is none


def test_one_is_made(tmp_path: Path) -> None:
    words = [sys.executable, "recipes/papers/figures.py", "topics", "--out", str(tmp_path / "my papers")]
    made = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert "TopicVAE" in made.stdout and "nats  hues: z0, z1, z2" in made.stdout
    assert (tmp_path / "my papers" / "topics.png").stat().st_size > 1000
