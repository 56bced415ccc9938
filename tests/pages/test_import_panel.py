"""The panel that brings models in: what was inferred is shown, can be corrected, and is kept under a name."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.checkpoints import describe, load
from explorer.importing.published import PUBLISHED
from explorer.ui.library.giving import hub_zip
from tests.pages.conftest import make

LATENTS = 2


def a_state() -> dict[str, torch.Tensor]:
    """A dense VAE of 8 x 8 pixels whose activation nothing says."""
    torch.manual_seed(3)
    shapes = {
        "enc1": (6, 64),
        "enc_mu": (LATENTS, 6),
        "enc_logvar": (LATENTS, 6),
        "dec1": (6, LATENTS),
        "dec2": (64, 6),
    }
    weights = {f"{name}.weight": torch.randn(shape) for name, shape in shapes.items()}
    return weights | {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items()}


def opened(folder: Path) -> AppTest:
    """The panel in an app of its own, on the folder where paths may lie."""

    def app(folder: str) -> None:
        from pathlib import Path

        import streamlit as st

        from explorer.ui.library.importing import import_panel

        st.write("added:", import_panel([Path(folder)]))

    return AppTest.from_function(app, default_timeout=400, kwargs={"folder": str(folder)}).run()


def at_path(at: AppTest, path: Path | str) -> AppTest:
    at.segmented_control(key="import-kind").set_value("folder").run()
    at.text_input(key="import-path").set_value(str(path)).run()
    return at.button(key="import-look-folder").click().run()


def test_a_state_dict_is_shown_corrected_and_kept(tmp_path: Path) -> None:
    torch.save(a_state(), tmp_path / "theirs.pt")
    at = at_path(opened(tmp_path), tmp_path / "theirs.pt")
    assert not at.exception and not at.error
    rows = at.table[0].value
    said = dict(zip(rows["Part"], zip(rows["Read as"], rows["Because"], strict=True), strict=True))
    assert said["image size"] == ("8 x 8", "read from the shapes")
    assert said["activation in the encoder"] == ("relu", "a guess: the usual one")
    before = at.image[0].proto.imgs[0].url
    at.selectbox(key="import-choice-decoder_activation").set_value("tanh").run()
    assert at.image[0].proto.imgs[0].url != before
    assert "as you say" in list(at.table[0].value["Because"])
    at.number_input(key="import-choice-height").set_value(7).run()
    assert "takes 64 numbers" in at.error[0].value
    assert at.button(key="import-keep").disabled
    at.number_input(key="import-choice-height").set_value(8).run()
    at.text_input(key="import-name").set_value("brought in").run()
    at.button(key="import-keep").click().run()
    assert not at.exception and "brought in" in at.markdown[-1].value
    model, state = load("brought in").model, a_state()
    z = torch.randn(3, LATENTS)
    hidden = torch.tanh(z @ state["dec1.weight"].T + state["dec1.bias"])
    wanted = torch.sigmoid(hidden @ state["dec2.weight"].T + state["dec2.bias"]).view(3, 1, 8, 8)
    torch.testing.assert_close(model.decode(z), wanted)
    assert "as you say" in (describe("brought in").path / "README.md").read_text()


def test_what_is_no_checkpoint_or_lies_elsewhere_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "page.pt").write_bytes(b"<!doctype html>")
    torch.save(a_state(), tmp_path / "outside.pt")
    at = opened(tmp_path / "in")
    for path, why in (
        (tmp_path / "in" / "page.pt", "never run"),
        (tmp_path / "outside.pt", "not within"),
        (tmp_path / "in" / ".." / "outside.pt", "not within"),
        ("\0", "not within"),
    ):
        at = at_path(at, path)
        assert not at.exception and why in at.error[0].value
        assert not at.image


def test_a_file_from_the_browser_is_read_and_its_name_leads_nowhere(tmp_path: Path) -> None:
    content = io.BytesIO()
    torch.save(a_state(), content)
    at = opened(tmp_path)
    at.file_uploader(key="import-files").upload("../../mnist <b>.pt", content.getvalue()).run()
    at.button(key="import-look-files").click().run()
    assert not at.exception and not at.error
    assert at.text_input(key="import-name").value == "mnist--b-"
    assert at.selectbox(key="import-data").value == "mnist"
    at.button(key="import-discard").click().run()
    assert not at.image and not at.exception


class Answer(io.BytesIO):
    """What a server answers."""


def test_a_published_checkpoint_is_fetched_when_asked_and_held_against_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = PUBLISHED["kinwaicheuk-dsprites"]
    assert all(len(f.sha256) == 64 and f.url.startswith("https://") for e in PUBLISHED.values() for f in e.files)
    asked: list[str] = []

    def answer(_: object, request: urllib.request.Request, **options: object) -> Answer:
        asked.append(request.full_url)
        if len(asked) == 1:
            raise urllib.error.URLError("no network")
        return Answer(b"something else")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", answer)
    at = opened(tmp_path)
    at.segmented_control(key="import-kind").set_value("published").run()
    at.selectbox(key="import-published").set_value(entry.name).run()
    assert asked == []
    for why in ("no network", "is not what was published"):
        at.button(key="import-fetch-published").click().run()
        assert not at.exception and why in at.error[0].value.replace("\\", "")
    assert asked == [entry.files[0].url] * 2
    assert hashlib.sha256(b"something else").hexdigest()[:16] in at.error[0].value


def test_what_is_downloaded_gives_the_same_pictures_bit_for_bit_with_plain_torch(tmp_path: Path) -> None:
    """In a process that knows nothing of this project, with the very lines of the card."""
    configs: list[dict[str, Any]] = [{}, {"likelihood": "gaussian", "network": "linear", "shape": (1, 8, 8)}]
    for number, config in enumerate(configs):
        make(f"given {number}", seed=number, **config)
    torch.save(a_state(), tmp_path / "theirs.pt")
    at_path(opened(tmp_path), tmp_path / "theirs.pt").button(key="import-keep").click().run()
    cards = {}
    for name in ("given 0", "given 1", "theirs"):
        with zipfile.ZipFile(io.BytesIO(hub_zip(describe(name), "given"))) as archive:
            archive.extractall(tmp_path / name)
        folder = tmp_path / name / "given"
        cards[str(folder)] = (folder / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
        assert len(cards[str(folder)].strip().splitlines()) == 5
        model = load(name).model
        torch.save([torch.randn(4, model.latents), torch.rand(4, *model.shape)], folder / "given.pt")
    (tmp_path / "cards.json").write_text(json.dumps(cards))
    code = (
        "import json, os, sys, torch\n"
        "for folder, lines in json.load(open('cards.json')).items():\n"
        "    os.chdir(folder)\n"
        "    sys.modules.pop('modeling', None)\n"
        "    exec(lines)\n"
        "    z, images = torch.load('given.pt', weights_only=True)\n"
        "    torch.save([model.decode(z), *model.encode(images)], 'made.pt')\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('explorer', 'models')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("given 0", "given 1", "theirs"):
        z, images = torch.load(tmp_path / name / "given" / "given.pt", weights_only=True)
        decoded, mean, log_var = torch.load(tmp_path / name / "given" / "made.pt", weights_only=True)
        model = load(name).model
        posterior = model.encode(images)
        assert torch.equal(decoded, model.decode(z))
        assert torch.equal(mean, posterior.mean) and torch.equal(log_var, posterior.log_var)
