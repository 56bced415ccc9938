"""The Dockerfile's own commands, run here: no engine is needed for what they promise."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from explorer.policy import Policy

from .conftest import PROJECT, free_port

TEXT = re.sub(r"\\\n\s*", " ", (PROJECT / "Dockerfile").read_text())
LINES = [line.split(" ", 1) for line in TEXT.splitlines() if line and line[0] != "#"]


def given(word: str) -> list[str]:
    return [rest for first, rest in LINES if first == word]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in given("ENV") for pair in line.split())


def kept(path: str) -> bool:
    """Whether .dockerignore lets a file of the project into the image."""
    rules = (PROJECT / ".dockerignore").read_text().split()
    return not any(path == rule or path.startswith(f"{rule}/") for rule in rules)


def test_it_runs_as_nobody_special_on_a_cpu_and_keeps_what_persons_make_in_a_volume() -> None:
    assert given("USER") == ["1000:1000"]
    assert LINES.index(["USER", "1000:1000"]) < [first for first, _ in LINES].index("CMD")
    assert given("VOLUME") == [environment()["BETA_VAE_HOME"]]
    assert given("ARG") == ["TORCH_INDEX=https://download.pytorch.org/whl/cpu"]
    assert given("EXPOSE") == ["8501"]
    known = {"FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "CMD", "HEALTHCHECK"}
    assert {first for first, _ in LINES} <= known


def test_its_command_serves_visitors_alone_and_its_health_check_sees_that(tmp_path: Path) -> None:
    app, home, port = tmp_path / "app", tmp_path / "data", free_port()
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True)
    files = [line for line in listed.stdout.splitlines() if kept(line)]
    for name in files or [str(p.relative_to(PROJECT)) for p in PROJECT.rglob("*") if p.is_file()]:
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / name, app / name)
    changed = environment() | {
        "BETA_VAE_HOME": str(home),
        "STREAMLIT_SERVER_PORT": str(port),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    variables = {**os.environ, **changed}
    command = json.loads(given("CMD")[0])
    check = json.loads(re.search(r"CMD (\[.*\])", given("HEALTHCHECK")[0]).group(1))
    check = [word.replace("8501", str(port)) for word in check]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=app, env=variables, stdout=log, stderr=log)
    try:
        begin = time.monotonic()
        while True:
            found = subprocess.run([*check, "--json"], cwd=app, env=variables, capture_output=True)
            said = json.loads(found.stdout)
            if said["checks"]["app"]["ok"]:
                break
            assert found.returncode == 1 and process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() - begin < 480, said
        assert found.returncode == 0, said
    finally:
        process.terminate()
        process.wait(20)
    found = subprocess.run([*check, "--json"], cwd=app, env=variables, capture_output=True)
    assert found.returncode == 1  # of an app that is gone


def test_the_example_of_a_policy_is_one_and_says_what_is_usual() -> None:
    example = Policy.model_validate(tomllib.loads((PROJECT / "deploy" / "access.toml").read_text()))
    usual = Policy()
    assert example.limits == usual.limits and example.everyone == usual.everyone
    assert example.least("export") == usual.least("export")
    assert example.person("ada@lab.example", None).role == "member"
