"""The program as a wheel: its command starts the app on a shipped model, and it hides no module of anybody's."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 240_000  # milliseconds a page may take on a busy machine


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    out = tmp_path_factory.mktemp("wheel")
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(out), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    [made] = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has the wheel, and these tests' libraries beside it."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=True)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    [own] = place.glob("[lL]ib/python*/site-packages") if os.name != "nt" else place.glob("Lib/site-packages")
    (own / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True)
    return programs


def ask(programs: Path, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("BETA_VAE_HOME", "PYTHONPATH")}
    environment |= {"XDG_DATA_HOME": str(home), "HOME": str(home)}
    return subprocess.run(
        [str(programs / words[0]), *words[1:]], cwd=home, env=environment, capture_output=True, text=True, check=False
    )


def test_a_wheel_holds_one_package_and_no_test(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"beta_vae_explorer"}
    assert not [name for name in names if "test" in name.split("/")[-1] or "__pycache__" in name]
    assert "beta_vae_explorer/.streamlit/config.toml" in names and "beta_vae_explorer/static/live.mjs" in names


def test_nobodys_module_is_hidden(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("mine = 1")
    code = "import models, beta_vae_explorer; assert models.mine == 1\nimport pages"
    asked = ask(installed, "python", "-c", code, home=tmp_path)
    assert asked.returncode == 1 and "No module named 'pages'" in asked.stderr
    assert "No module named 'explorer'" in ask(installed, "python", "-c", "import explorer", home=tmp_path).stderr


def test_its_command_is_the_whole_shell(installed: Path, tmp_path: Path) -> None:
    listed = ask(installed, "beta-vae-explorer", "library", "list", home=tmp_path)
    assert listed.returncode == 0 and "scene-disentangled" in listed.stdout
    told = ask(installed, "beta-vae-explorer", "insight", "first-k", "--help", home=tmp_path)
    assert "beta-vae-explorer insight first-k dsprites-disentangled" in told.stdout
    assert "python -m explorer" not in told.stdout
    kept = ask(installed, "beta-vae-explorer", "library", "duplicate", "dsprites-beta4", "mine", home=tmp_path)
    assert kept.returncode == 0, kept.stderr
    assert (tmp_path / "beta-vae-explorer" / "library" / "mine" / "config.json").is_file()


@pytest.fixture
def address(installed: Path, tmp_path: Path) -> Iterator[str]:
    """Where the installed app is served."""
    environment = {name: value for name, value in os.environ.items() if name not in ("BETA_VAE_HOME", "PYTHONPATH")}
    environment |= {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
    started = [str(installed / "beta-vae-explorer"), "app", "--headless", "--server.port=0"]
    with subprocess.Popen(started, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(line.split("URL:")[1].strip() for line in process.stdout if "URL:" in line)
        process.terminate()


def test_the_first_picture_is_dragged(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address, timeout=SECONDS)
    picture = page.locator(".bv-picture")
    picture.wait_for(timeout=SECONDS)
    slider = page.locator(".bv-rows .bv-slider").first
    page.wait_for_function("() => document.querySelector('.bv-picture').dataset.shown", timeout=SECONDS)
    before = picture.get_attribute("data-shown")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_function(
        "(before) => document.querySelector('.bv-picture').dataset.shown !== before", arg=before, timeout=SECONDS
    )
    page.close()
