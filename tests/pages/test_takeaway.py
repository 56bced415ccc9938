"""Download: the files that the page gives, and the sentences where it can't."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from PIL.GifImagePlugin import GifImageFile
from streamlit.testing.v1 import AppTest

from explorer.checkpoints import describe, load
from explorer.checkpoints.labels import Labels, write_labels
from explorer.checkpoints.training_log import KEPT
from explorer.errors import UserError
from explorer.export.formats import FORMATS
from explorer.export.onnx import write_onnx
from explorer.export.origin_record import origin
from explorer.live import onnx_cache
from explorer.live.onnx_cache import Networks
from explorer.ui import page_cache
from explorer.ui.explore import takeaway

from .conftest import make

Z, LOW, HIGH = [0.5, -1.25, 0.0, 2.0], [-2.0] * 4, [1.0, 2.0, 2.0, 2.0]
LABELS = [form.title for form in takeaway.offered()]


@pytest.fixture(autouse=True)
def log(library: Path) -> Path:
    """What the training of alpha logged."""
    place = describe("alpha").path / KEPT
    place.write_text('{"kind": "train", "step": 50, "kl": 1.25}\n')
    return place


@pytest.fixture
def exported(tmp_path: Path) -> Networks:
    """Files in the places of exported networks, for tests that never look into them."""
    places = Networks(tmp_path / "alpha.onnx", tmp_path / "alpha.encoder.onnx")
    for place in (places.decoder, places.encoder):
        place.write_bytes(b"onnx")
    return places


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """What each button gives at Z."""
    exported = Networks(*write_onnx(load("alpha"), tmp_path / "alpha.onnx"))
    about = describe("alpha")
    write_labels(about.path, Labels(names={3: "turn"}))
    known = page_cache.MeasuredKL([0.1, 2.0, 0.0, 0.7], [True, True, False, True], 10, "over 10 images")
    shown = takeaway.TakenView(about, Z, LOW, HIGH, known, exported)
    return {form.title: form.make(takeaway.scene(shown, form)) for form in takeaway.offered()}


def test_every_file_is_of_the_present_latents(files: dict[str, bytes]) -> None:
    model = load("alpha").model
    wanted = model.decode(torch.tensor([Z])).numpy()

    levels = np.asarray(Image.open(io.BytesIO(files["Picture, PNG"])))
    assert levels.shape == (512, 512, 3)
    assert np.abs(levels[::8, ::8, 0] - wanted[0, 0] * 255).max() <= 0.51
    assert np.array_equal(levels, levels[::8, ::8].repeat(8, 0).repeat(8, 1))

    # Rows by KL: z1, z3, z0, z2. The last picture of the second has z3 at its high end.
    grid = np.asarray(Image.open(io.BytesIO(files["Traversal, PNG"])))
    cell = grid[130:258, -128:][::2, ::2, 0]
    high = model.decode(torch.tensor([[*Z[:3], HIGH[3]]]))[0, 0].numpy()
    assert np.abs(cell - high * 255).max() <= 0.51
    with Image.open(io.BytesIO(files["Traversal, GIF"])) as film:
        assert isinstance(film, GifImageFile) and film.n_frames == 2 * FORMATS["gif"].steps - 2
    assert files["Traversal, MP4"][4:8] == b"ftyp"

    onnxruntime = pytest.importorskip("onnxruntime")
    (images,) = onnxruntime.InferenceSession(files["Decoder, ONNX"]).run(None, {"z": np.array([Z], np.float32)})
    assert np.abs(images - wanted).max() <= 1e-3
    mean, _ = onnxruntime.InferenceSession(files["Encoder, ONNX"]).run(None, {"images": wanted})
    assert np.abs(mean - model.encode(torch.tensor(wanted)).mean.numpy()).max() <= 1e-3

    page = files["Web page, HTML"].decode()
    assert f'"z": {Z}' in page and f'"low": {LOW}' in page and '"names": {"3": "turn"}' in page
    assert '"kl": 2.0, "active": true' in page and "over 10 images" in page


def shown() -> AppTest:
    """The part alone, as a page would show it."""

    def script() -> None:
        from explorer.checkpoints import describe
        from explorer.ui.explore.takeaway import takeaway

        takeaway(describe("alpha"), [0.0] * 4, [-2.0] * 4, [2.0] * 4)

    return AppTest.from_function(script, default_timeout=400).run()


def enabled(at: AppTest) -> list[str]:
    return [button.label for button in at.download_button if not button.disabled]


def said(at: AppTest) -> str:
    return " ".join(caption.value.replace("\\", "") for caption in at.caption[1:])


def test_all_can_be_taken_once_the_model_is_exported(monkeypatch: pytest.MonkeyPatch, exported: Networks) -> None:
    monkeypatch.setattr(onnx_cache, "prepare", lambda description: exported)
    at = shown()
    assert enabled(at) == LABELS and said(at) == "" and not at.exception


@pytest.mark.parametrize(
    ("state", "words"), [(None, "being exported"), ("an operator is missing", "can't be exported (an operator is")]
)
def test_without_networks_a_sentence_says_why_and_pictures_can_be_taken(
    monkeypatch: pytest.MonkeyPatch, state: str | None, words: str
) -> None:
    monkeypatch.setattr(onnx_cache, "prepare", lambda description: state)
    at = shown()
    assert enabled(at) == [form.title for form in takeaway.offered() if form.needs != "networks"]
    assert words in said(at) and "Web page, HTML" in said(at)


def test_without_ffmpeg_a_sentence_says_so_and_all_else_can_be_taken(
    monkeypatch: pytest.MonkeyPatch, exported: Networks
) -> None:
    import imageio_ffmpeg

    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    monkeypatch.setattr(onnx_cache, "prepare", lambda description: exported)
    at = shown()
    assert enabled(at) == [label for label in LABELS if label != "Traversal, MP4"]
    assert "there is no ffmpeg" in said(at)


def test_curves_are_those_of_the_log_and_without_one_a_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, exported: Networks, files: dict[str, bytes], log: Path
) -> None:
    assert files["Training curves, CSV"] == b"run,kind,step,kl\nalpha,train,50,1.25\n"
    monkeypatch.setattr(onnx_cache, "prepare", lambda description: exported)
    log.unlink()
    at = shown()
    assert enabled(at) == [label for label in LABELS if label != "Training curves, CSV"]
    assert "no log of its training is here" in said(at)


def test_what_goes_wrong_at_a_click_is_said_the_next_time(monkeypatch: pytest.MonkeyPatch, exported: Networks) -> None:
    monkeypatch.setattr(onnx_cache, "prepare", lambda description: exported)
    at = shown()
    exported.encoder.unlink()
    where = origin("explore", {}, [describe("alpha")])
    shown_now = takeaway.TakenView(describe("alpha"), Z, LOW, HIGH, None, exported)
    click = takeaway._noted(FORMATS["onnx-encoder"], shown_now, where, at.session_state[takeaway.FAILED])
    with pytest.raises(UserError):
        click()
    assert "Encoder, ONNX: the exported model is gone" in said(at.run())
    assert said(at.run()) == ""


def test_a_strange_name_of_a_model_becomes_a_plain_file_name(
    monkeypatch: pytest.MonkeyPatch, exported: Networks
) -> None:
    make('x <img src=x> "y"')
    monkeypatch.setattr(onnx_cache, "prepare", lambda description: exported)
    names = []
    monkeypatch.setattr(st, "download_button", lambda label, data, file_name, *args, **kwargs: names.append(file_name))
    takeaway.takeaway(describe('x <img src=x> "y"'), Z, LOW, HIGH)
    assert names[0] == "x-img-src-x-y.png" and "x-img-src-x-y.html" in names and "x-img-src-x-y-kl.csv" in names
