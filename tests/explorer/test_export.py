"""Models as files: what others' programs make of them must be what torch makes of the model."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from explorer.checkpoints import Checkpoint, Evaluation, load, save
from explorer.checkpoints.config import ModelConfig
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.export import films, html

TRICKY = '"><img src=x onerror="window.sprung=1"></script><script>window.sprung=1</script>'
KL = (0.1, 2.0, 0.0, 0.7)


def make(folder: Path, known: bool = True, **settings: Any) -> Checkpoint:
    """A checkpoint of random weights with four latents, large enough that its pictures differ."""
    torch.set_num_threads(1)
    values = {"network": "burgess", "shape": (1, 64, 64), "latents": len(KL)} | settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = build_model(ModelConfig.model_validate(values))
        last = list(model.network.decoder.parameters())[-2]
        with torch.no_grad():
            last.mul_(4)
    evaluation = Evaluation(
        data="dsprites", count=10, seed=0, reconstruction=1.0, kl=sum(KL), kl_per_dimension=KL,
        active_units=2,
    ) if known else None  # fmt: skip
    return load(save(model, folder, evaluation=evaluation, note=f"A note {TRICKY}"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return make(tmp_path_factory.mktemp("models") / "small")


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


# --- ONNX -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"network": "compact", "shape": (3, 64, 64), "likelihood": "optimal-gaussian"},
        {"network": "mlp", "shape": (1, 6, 9), "likelihood": "gaussian"},
        {"network": "linear", "shape": (1, 8, 8)},
    ],
    ids=["burgess", "compact", "mlp", "linear"],
)
def test_onnx_files_compute_what_torch_computes(tmp_path: Path, settings: dict[str, Any]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = make(tmp_path / "model", **settings).model
    result = run("export", tmp_path / "model", "--to", "onnx", "--out", tmp_path / "out.onnx")
    assert result.exit_code == 0, result.output
    decoder = onnxruntime.InferenceSession(tmp_path / "out.onnx")
    encoder = onnxruntime.InferenceSession(tmp_path / "out.encoder.onnx")
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.encoder.onnx", "out.onnx"]

    generator = torch.Generator().manual_seed(0)
    cases = [torch.randn(count, len(KL), generator=generator) for count in (1, 2, 7)]
    cases += [torch.full((1, len(KL)), 1e3), torch.full((1, len(KL)), -1e3), 1e3 * cases[2]]
    for z in cases:
        (images,) = decoder.run(["images"], {"z": z.numpy()})
        assert images.shape == (len(z), *model.shape)
        assert images.min() >= 0 and images.max() <= 1
        np.testing.assert_allclose(images, model.decode(z).numpy(), atol=1e-3)
    for count in (1, 5):
        given = torch.rand(count, *model.shape, generator=generator)
        mean, log_var = encoder.run(["mean", "log_var"], {"images": given.numpy()})
        posterior = model.encode(given)
        np.testing.assert_allclose(mean, posterior.mean.numpy(), atol=1e-3)
        np.testing.assert_allclose(log_var, posterior.log_var.numpy(), atol=1e-3)


def test_onnx_files_say_what_they_are_and_nothing_of_the_machine(checkpoint: Checkpoint) -> None:
    onnx = pytest.importorskip("onnx")
    from explorer.export.onnx import decoder_onnx

    content = decoder_onnx(checkpoint)
    facts = {item.key: item.value for item in onnx.load_from_string(content).metadata_props}
    assert facts["model"] == "small" and facts["weights"] == checkpoint.hash
    assert facts["latents"] == "4" and facts["shape"] == "1x64x64"
    assert b".py" not in content and str(Path.cwd()).encode() not in content


# --- pictures, films, folders -----------------------------------------------------------------------


def test_a_traversal_sheet_is_sorted_by_kl_and_shows_the_models_own_pictures(
    checkpoint: Checkpoint,
) -> None:
    sheet = films.traversal_sheet(checkpoint.model, np.array(KL), steps=5, span=2.0)
    assert sheet.labels == ["z1  2.00 nats", "z3  0.70 nats", "z0  0.10 nats", "z2  0.00 nats"]
    z = torch.zeros(1, 4)
    z[0, 3] = -2.0
    wanted = checkpoint.model.decode(z)[0, 0].numpy() * 255
    assert np.abs(sheet.rows[1, 0, :, :, 0] - wanted).max() <= 0.51
    unknown = films.traversal_sheet(checkpoint.model, None, steps=2)
    assert unknown.labels == [f"z{j}  KL unknown" for j in range(4)]


@pytest.mark.parametrize("kind", ["png", "gif", "mp4"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"network": "mlp", "shape": (3, 7, 9), "likelihood": "gaussian"}],
    ids=["grey", "odd-sized-colour"],
)
def test_pictures_and_films_open_again(tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    make(tmp_path / "model", **settings)
    target = tmp_path / f"out.{kind}"
    options = ("--steps", 6, "--scale", 1)
    result = run("export", tmp_path / "model", "--to", kind, "--out", target, *map(str, options))
    assert result.exit_code == 0, result.output
    assert "KL from the model's own config: 10 images of dsprites" in result.output
    if kind == "mp4":
        imageio = pytest.importorskip("imageio.v2")
        reader = imageio.get_reader(target)
        about = reader.get_meta_data()
        assert about["codec"] == "h264" and "yuv420p" in about["pix_fmt"]
        assert reader.count_frames() == 10  # six steps there, four back
        first, last = reader.get_data(0), reader.get_data(5)
        assert first.shape[0] % 2 == 0 and first.shape[1] % 2 == 0
        assert first[0].min() > 240  # the white margin
        assert np.abs(first.astype(int) - last).max() > 8  # it moves
        return
    with Image.open(io.BytesIO(target.read_bytes())) as picture:
        assert picture.format == kind.upper()
        assert getattr(picture, "n_frames", 1) == (10 if kind == "gif" else 1)
        picture.load()


def test_kl_is_measured_where_data_is_named_and_unknown_where_there_is_none(tmp_path: Path) -> None:
    model = tmp_path / "model"
    make(model, known=False)
    arguments = ("export", model, "--to", "png", "--out", tmp_path / "out.png", "--steps", "2")
    assert "KL unknown: " in run(*arguments).output
    result = run(*arguments, "--data", "dsprites", "--count", "20")
    assert "KL measured on 20 images of dsprites (train)" in result.output
    result = run(*arguments, "--data", "mnist", "--root", tmp_path)
    assert result.exit_code == 2 and result.stderr.startswith("error: ")


def test_the_hub_folder_holds_three_files_and_loads_as_the_same_model(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (checkpoint.path / "stray.pkl").write_bytes(b"x")
    target = tmp_path / "hub" / "mine"
    assert run("export", checkpoint.path, "--to", "hf", "--out", target).exit_code == 0
    (checkpoint.path / "stray.pkl").unlink()
    names = ["README.md", "config.json", "model.safetensors"]
    assert sorted(path.name for path in target.iterdir()) == names
    assert load(target).hash == checkpoint.hash
    result = run("export", checkpoint.path, "--to", "hf", "--out", target)
    assert result.exit_code == 2 and "is there already" in result.stderr
    assert sorted(path.name for path in target.parent.iterdir()) == ["mine"]


@pytest.mark.parametrize(
    ("kind", "out", "sentence"),
    [
        ("png", "out.gif", "must end in .png"),
        ("onnx", "out.pt", "must end in .onnx"),
        ("html", "", "is not a path"),
        ("mp4", "file.txt/film.mp4", "can't be written"),
        ("hf", "file.txt", "is there already"),
        ("hf", "file.txt/hub", "can't be written"),
    ],
)
def test_a_place_that_can_not_be_written_is_refused_in_a_sentence(
    checkpoint: Checkpoint, tmp_path: Path, kind: str, out: str, sentence: str
) -> None:
    (tmp_path / "file.txt").write_text("precious")
    place = str(tmp_path / out) if out else out
    result = run("export", checkpoint.path, "--to", kind, "--out", place, "--steps", "2")
    assert result.exit_code == 2
    assert sentence in result.stderr and result.stderr.count("\n") == 1
    assert (tmp_path / "file.txt").read_text() == "precious"


def test_an_ending_left_out_is_added(checkpoint: Checkpoint, tmp_path: Path) -> None:
    run("export", checkpoint.path, "--to", "png", "--out", tmp_path / "sheet", "--steps", "2")
    assert (tmp_path / "sheet.png").is_file()


# --- the page ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tricky_page(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a model whose name, note and card try to break out of it."""
    path = tmp_path_factory.mktemp("page") / "model.html"
    named = replace(checkpoint, name=TRICKY)
    path.write_bytes(html.as_html(named, np.array(KL), f"from {TRICKY}"))
    return path


def open_page(browser: Any, path: Path, **options: Any) -> tuple[Any, list[str]]:
    """The opened page with its first picture, and what went wrong or went out."""
    page = browser.new_page(**options)
    wrong: list[str] = []
    page.on(
        "console",
        lambda message: (
            None
            if "getImageData" in message.text  # advice about how this test reads the canvas
            else wrong.append(f"console: {message.text}")
        ),
    )
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url == path.as_uri() or request.url.startswith(("blob:", "data:"))
            else wrong.append(f"request: {request.url}")
        ),
    )
    page.goto(path.as_uri())
    page.wait_for_selector("canvas[data-shown]", timeout=60_000)
    return page, wrong


def pixels(page: Any) -> np.ndarray:
    """The canvas as uint8 `(H, W, 4)`."""
    values, width, height = page.evaluate(
        "() => { const c = document.getElementById('picture');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
        " return [[...d.data], c.width, c.height]; }"
    )
    return np.array(values, dtype=np.uint8).reshape(height, width, 4)


def shown(page: Any) -> list[float]:
    """The latents of the picture on the canvas."""
    values = json.loads(page.get_attribute("canvas", "data-shown"))
    assert isinstance(values, list)
    return values


def slide(page: Any, latent: int, value: float) -> None:
    page.eval_on_selector(
        f"#z{latent}",
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }",
        value,
    )
    page.wait_for_function(
        "([latent, value]) => Math.abs(JSON.parse(document.getElementById('picture').dataset.shown)"
        "[latent] - value) < 1e-4",
        arg=[latent, value],
    )


def test_a_moved_slider_changes_the_picture_to_what_torch_decodes(
    browser: Any, checkpoint: Checkpoint, tricky_page: Path
) -> None:
    page, wrong = open_page(browser, tricky_page)
    before = pixels(page)
    for latent, value in ((1, 2.5), (0, -3.0), (3, 0.07), (2, 3.0)):
        slide(page, latent, value)
        z = torch.tensor([shown(page)])
        assert z[0, latent] == pytest.approx(value)
        wanted = checkpoint.model.decode(z)[0, 0].numpy() * 255
        after = pixels(page)
        assert np.abs(after[:, :, 0] - wanted).max() <= 2
        assert (after[:, :, :3] == after[:, :, :1]).all() and (after[:, :, 3] == 255).all()
        assert (after != before).any()
        before = after
    page.click("#reset")
    page.wait_for_function(
        "() => JSON.parse(document.getElementById('picture').dataset.shown).every(v => v === 0)"
    )
    wanted = checkpoint.model.decode(torch.zeros(1, 4))[0, 0].numpy() * 255
    assert np.abs(pixels(page)[:, :, 0] - wanted).max() <= 2
    assert wrong == []
    page.close()


def test_a_drag_with_the_pointer_and_the_keyboard_moves_the_picture(
    browser: Any, tricky_page: Path
) -> None:
    page, wrong = open_page(browser, tricky_page)
    box = page.locator("#z1").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    pictures = set()
    for step in range(1, 9):
        page.mouse.move(box["x"] + box["width"] * (0.5 + step / 20), middle)
        page.wait_for_timeout(60)
        pictures.add(pixels(page).tobytes())  # before the button is released
    page.mouse.up()
    assert len(pictures) >= 5
    page.focus("#z0")
    page.keyboard.press("End")
    page.wait_for_function(
        "() => JSON.parse(document.getElementById('picture').dataset.shown)[0] === 3"
    )
    assert wrong == []
    page.close()


def test_text_of_a_model_stays_text(browser: Any, tricky_page: Path) -> None:
    page, wrong = open_page(browser, tricky_page)
    assert page.inner_text("h1") == TRICKY
    assert page.title() == f"{TRICKY}: Beta-VAE"
    page.click("summary")
    assert TRICKY in page.inner_text("#card") and TRICKY in page.inner_text("#facts")
    assert page.evaluate("window.sprung") is None
    assert page.locator("img").count() == 0
    assert wrong == []
    page.close()


def test_sliders_are_ordered_by_kl_and_say_it(browser: Any, checkpoint: Checkpoint, tmp_path: Path,
                                              tricky_page: Path) -> None:  # fmt: skip
    page, _ = open_page(browser, tricky_page)
    assert page.locator(".latent label").all_inner_texts() == ["z1", "z3", "z0", "z2"]
    assert page.locator(".kl").all_inner_texts() == [
        "2.00 nats", "0.70 nats", "0.10 nats", "0.00 nats",
    ]  # fmt: skip
    page.close()
    colour = make(tmp_path / "model", known=False, network="compact", shape=(3, 32, 32))
    path = tmp_path / "page.html"
    result = run("export", tmp_path / "model", "--to", "html", "--out", path)
    assert result.exit_code == 0, result.output
    page, wrong = open_page(browser, path)
    assert (
        str(tmp_path) not in path.read_text()
    )  # a page that is passed on tells nothing of its maker
    assert page.locator(".latent label").all_inner_texts() == ["z0", "z1", "z2", "z3"]
    assert set(page.locator(".kl").all_inner_texts()) == {"KL unknown"}
    slide(page, 2, 1.5)
    wanted = colour.model.decode(torch.tensor([shown(page)]))[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(pixels(page)[:, :, :3] - wanted).max() <= 2
    assert wrong == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100])
def test_the_page_fits_its_window_in_light_and_in_dark(
    browser: Any, tricky_page: Path, scheme: str, width: int
) -> None:
    size = {"width": width, "height": 800}
    page, wrong = open_page(browser, tricky_page, viewport=size, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("#z2", "canvas", "#reset", "#draw"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["width"] >= 60
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    level = int(background.removeprefix("rgb(").split(",")[0])
    assert (level > 200) if scheme == "light" else (level < 60)
    assert wrong == []
    page.close()


def test_the_page_says_so_where_it_can_not_decode(
    browser: Any, tricky_page: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.html"
    content = tricky_page.read_text()
    head, _, tail = content.partition('id="wasm">')
    broken.write_text(f'{head}id="wasm">AAAA{tail[tail.index("</script>") :]}')
    page = browser.new_page()
    page.goto(broken.as_uri())
    page.wait_for_selector("#status.wrong", timeout=60_000)
    assert "could not be started" in page.inner_text("#status")
    page.close()
