"""An exported page in a real browser, opened from the disk with the network off."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from explorer.checkpoints import Checkpoint, Evaluation, ModelConfig, load, save
from explorer.checkpoints.labels import Labels, write_labels
from explorer.checkpoints.store import build_model
from explorer.export.html import as_html

TRICKY = '"><img src=x onerror="window.sprung=1"></script><script>window.sprung=1</script>'
NAMES = {0: "</script><script>sprung=1//", 1: '"><img src=x onerror=sprung=1>', 2: "&lt;b&gt; {{wasm}}"}
KL = (0.1, 2.0, 0.0, 0.7)
START = (0.25, 0.0, 0.0, -1.5)
EXACT = 1e-3


def make(folder: Path, **settings: Any) -> Checkpoint:
    """A checkpoint of random weights, large enough that its pictures differ."""
    torch.set_num_threads(1)
    values = {"network": "burgess", "shape": (1, 64, 64), "latents": len(KL)} | settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = build_model(ModelConfig.model_validate(values))
        with torch.no_grad():
            list(model.network.decoder.parameters())[-2].mul_(4)
    evaluation = Evaluation(
        data="dsprites", count=10, seed=0, reconstruction=1.0, kl=sum(KL), kl_per_dimension=KL,
        active_units=2, activity=(0.2, 1.0, 0.001, 0.5),
    )  # fmt: skip
    return load(save(model, folder, evaluation=evaluation, note=f"A note {TRICKY}"))


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, Path]:
    """A model whose name, note and names of dimensions try to break out of its page; and that page."""
    folder = tmp_path_factory.mktemp("grey")
    checkpoint = replace(make(folder / "small"), name=TRICKY)
    write_labels(folder / "small", Labels(names=NAMES))
    (folder / "page.html").write_bytes(as_html(checkpoint, KL, f"from {TRICKY}", z=START))
    return checkpoint, folder / "page.html"


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, Path]:
    """A model of colour images, of whose dimensions nothing is known; and its page."""
    folder = tmp_path_factory.mktemp("colour")
    checkpoint = make(folder / "small", network="compact", shape=(3, 32, 32))
    checkpoint = replace(checkpoint, config=checkpoint.config.model_copy(update={"evaluation": None}))
    (folder / "page.html").write_bytes(as_html(checkpoint, None, "unknown"))
    return checkpoint, folder / "page.html"


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page from the disk, offline, and wait for its first picture; nothing may go wrong or out."""
    contexts, wrong = [], []

    def ready(path: Path, decodes: bool = True, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_offline(True)
        context.set_default_timeout(240_000)
        page = context.new_page()
        if decodes:
            page.on("console", lambda m: None if "willReadFrequently" in m.text else wrong.append(f"console: {m.text}"))
        page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
        page.on(
            "request",
            lambda r: (
                None
                if r.url == path.as_uri() or r.url.startswith(("blob:", "data:"))
                else wrong.append(f"request: {r.url[:200]}")
            ),
        )
        page.goto(path.as_uri())
        if decodes:
            page.wait_for_selector(".bv-picture[data-shown]")
        return page

    yield ready
    for context in contexts:
        context.close()
    assert wrong == []


def picture(page: Page) -> tuple[list[float], np.ndarray]:
    """The latents shown, and the pixels `(C·H·W,)` that the page decoded them to."""
    shown, values = page.eval_on_selector(".bv-picture", "canvas => [canvas.dataset.shown, [...canvas.values]]")
    return json.loads(shown), np.array(values, dtype=np.float32)


def settled(page: Page, z: dict[int, float]) -> tuple[list[float], np.ndarray]:
    """The picture, once it shows these values."""
    page.wait_for_function(
        "wanted => { const shown = JSON.parse(document.querySelector('.bv-picture').dataset.shown);"
        " return Object.entries(wanted).every(([d, v]) => Math.abs(shown[d] - v) < 1e-3) }",
        arg={str(d): value for d, value in z.items()},
    )
    return picture(page)


def holds(page: Page, checkpoint: Checkpoint, z: dict[int, float]) -> None:
    """The picture at these values is what torch decodes, on the canvas too."""
    shown, values = settled(page, z)
    wanted = checkpoint.model.decode(torch.tensor([shown], dtype=torch.float32))[0].numpy()
    assert np.abs(values - wanted.ravel()).max() <= EXACT
    drawn, width, height = page.eval_on_selector(
        ".bv-picture", "c => [[...c.getContext('2d').getImageData(0, 0, c.width, c.height).data], c.width, c.height]"
    )
    pixels = np.array(drawn).reshape(height, width, 4)
    assert (pixels[..., 3] == 255).all()
    assert np.abs(pixels[..., :3] - np.moveaxis(wanted, 0, -1) * 255).max() <= 1


def slider(page: Page, dimension: int) -> Locator:
    return page.locator(f".bv-slider[data-dimension='{dimension}']")


def typed(page: Page, dimension: int, value: float) -> None:
    """Type a value beside a slider."""
    row = page.locator(".bv-row").filter(has=slider(page, dimension))
    row.locator(".bv-number").fill(str(value))
    row.locator(".bv-number").press("Enter")


def test_a_drag_shows_new_pictures_before_it_ends_each_as_torch_decodes_it(
    opened: Callable[..., Page], grey: tuple[Checkpoint, Path]
) -> None:
    checkpoint, path = grey
    page = opened(path)
    holds(page, checkpoint, dict(enumerate(START)))
    box = slider(page, 1).bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    seen = {}
    for step in range(1, 11):
        page.mouse.move(box["x"] + box["width"] * (0.5 + step / 24), middle)
        page.wait_for_timeout(50)
        shown, values = picture(page)
        seen[shown[1]] = values
    page.mouse.up()
    assert len(seen) >= 5 and len({values.tobytes() for values in seen.values()}) == len(seen)
    for value, values in seen.items():
        z = torch.tensor([[START[0], value, START[2], START[3]]])
        assert np.abs(values - checkpoint.model.decode(z).numpy().ravel()).max() <= EXACT
    slider(page, 1).dblclick()
    holds(page, checkpoint, dict(enumerate(START)))


@pytest.mark.parametrize("which", ["grey", "colour"])
def test_any_latents_give_the_picture_that_torch_decodes(
    opened: Callable[..., Page], request: pytest.FixtureRequest, which: str
) -> None:
    checkpoint, path = request.getfixturevalue(which)
    page = opened(path)
    points = np.random.default_rng(0).normal(size=(8, len(KL))).round(3).tolist()
    points += [[1000.0] * 4, [-1000.0] * 4, [1000.0, -1000.0, 0.0, 3.0]]
    for point in points:
        for dimension, value in enumerate(point):
            typed(page, dimension, value)
        holds(page, checkpoint, dict(enumerate(point)))


def test_the_keyboard_plays_locks_renames_and_walks(opened: Callable[..., Page], grey: tuple[Checkpoint, Path]) -> None:
    page = opened(grey[1])
    slider(page, 3).focus()
    page.keyboard.press("ArrowRight")
    settled(page, {3: START[3] + 6 / 100})
    page.keyboard.press("Delete")
    settled(page, {3: START[3]})
    page.get_by_role("button", name="Lock z3", exact=True).press("Enter")
    expect(slider(page, 3)).to_be_disabled()
    page.get_by_role("button", name="Random walk").press("Enter")
    first, _ = picture(page)
    page.wait_for_function(
        "first => JSON.parse(document.querySelector('.bv-picture').dataset.shown)"
        ".every((v, d) => d === 3 || Math.abs(v - first[d]) > 0.01)",
        arg=first,
    )
    page.get_by_role("button", name="Stop", exact=True).press("Enter")
    assert picture(page)[0][3] == START[3]
    page.get_by_role("button", name="Rename z3").press("Enter")
    page.keyboard.type(TRICKY[:40])
    page.keyboard.press("Enter")
    expect(slider(page, 3)).to_have_attribute("aria-label", f"{TRICKY[:40]}, z3")
    page.get_by_role("button", name="Unlock").press("Enter")
    page.get_by_role("button", name=f"Play {TRICKY[:40]}").press("Enter")
    page.wait_for_function(
        "was => JSON.parse(document.querySelector('.bv-picture').dataset.shown)[3] > was + 1", arg=START[3]
    )
    assert page.locator("img").count() == 0 and page.evaluate("window.sprung") is None


def test_the_plane_moves_two_dimensions_and_strips_and_difference_are_drawn(
    opened: Callable[..., Page], grey: tuple[Checkpoint, Path]
) -> None:
    checkpoint, path = grey
    page = opened(path, viewport={"width": 1300, "height": 1100})
    page.get_by_text("Plane of two dimensions").click()
    plane = page.locator(".bv-plane")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.95, box["y"] + box["height"] * 0.05)
    page.wait_for_function(
        "() => { const z = JSON.parse(document.querySelector('.bv-picture').dataset.shown);"
        " return z[1] > 2 && z[3] > 2 }"
    )
    holds(page, checkpoint, {})
    slider(page, 1).hover()
    expect(page.locator(".bv-difference figcaption")).to_contain_text("changes from -3.00 to 3.00")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.bv-strip')].every(c =>"
        " { const d = c.getContext('2d').getImageData(c.width - 9, 9, 1, 1).data; return d[3] === 255 })"
    )


@pytest.mark.parametrize("which", ["grey", "colour"])
def test_an_image_file_moves_the_sliders_to_its_posterior(
    opened: Callable[..., Page], request: pytest.FixtureRequest, which: str
) -> None:
    checkpoint, path = request.getfixturevalue(which)
    channels, height, width = checkpoint.model.shape
    levels = np.zeros((height, width, 3), np.uint8)
    levels[4:20, 6:30] = (255, 255, 255) if channels == 1 else (250, 90, 10)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    page = opened(path)
    page.get_by_text("Encode a picture").click()
    page.get_by_label("An image file to encode").set_input_files(
        {"name": "drawn.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    given = torch.from_numpy(np.moveaxis(levels, -1, 0)[:channels].copy())[None].float() / 255
    mean = checkpoint.model.encode(given).mean[0].tolist()
    holds(page, checkpoint, dict(enumerate(mean)))
    expect(page.get_by_text("Encoded in this page")).to_be_visible()


def test_text_of_a_model_stays_text(opened: Callable[..., Page], grey: tuple[Checkpoint, Path]) -> None:
    page = opened(grey[1])
    assert page.inner_text("h1") == TRICKY
    assert page.title() == f"{TRICKY}: Beta-VAE"
    page.get_by_text("About this model").click()
    assert TRICKY in page.inner_text("pre") and TRICKY in page.inner_text("dl")
    names = page.locator(".bv-name").all_inner_texts()
    assert names == [f"{NAMES[1]} z1", "z3", f"{NAMES[0]} z0", f"{NAMES[2]} z2"]
    page.get_by_text("Plane of two dimensions").click()
    assert f"{NAMES[0]} (z0)" in page.get_by_label("Dimension across").inner_text()
    slider(page, 0).hover()
    expect(page.locator(".bv-difference figcaption")).to_contain_text(NAMES[0])
    assert page.evaluate("window.sprung") is None
    assert page.locator("img").count() == 0


def test_each_slider_says_its_kl_and_whether_it_is_active(
    opened: Callable[..., Page], grey: tuple[Checkpoint, Path], colour: tuple[Checkpoint, Path]
) -> None:
    assert opened(grey[1]).locator(".bv-kl").all_inner_texts() == [
        "2.00 nats · active",
        "0.70 nats · active",
        "0.10 nats · active",
        "0.000 nats · inactive",
    ]
    page = opened(colour[1])
    assert page.locator(".bv-name").all_inner_texts() == ["z0", "z1", "z2", "z3"]
    assert set(page.locator(".bv-kl").all_inner_texts()) == {"KL not known"}
    # A page that is passed on tells nothing of its maker.
    assert str(colour[1].parent) not in colour[1].read_text()


def test_the_pages_own_policy_lets_nothing_out(opened: Callable[..., Page], grey: tuple[Checkpoint, Path]) -> None:
    page = opened(grey[1], decodes=False)  # the console may complain
    page.wait_for_selector(".bv-picture[data-shown]")
    blocked = page.evaluate("""async () => {
        const seen = [];
        addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective));
        await fetch('data:,x').catch(() => {});
        const run = document.createElement('script');
        run.textContent = 'window.sprung = 1';
        document.body.append(run);
        await new Promise(done => setTimeout(done, 100));
        return [seen, window.sprung ?? null];
    }""")
    assert blocked == [["connect-src", "script-src-elem"], None]


def test_the_picture_is_saved_as_a_file(opened: Callable[..., Page], grey: tuple[Checkpoint, Path]) -> None:
    checkpoint, path = grey
    page = opened(path)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save picture").click()
    levels = np.asarray(Image.open(waiting.value.path()).convert("L"))
    wanted = checkpoint.model.decode(torch.tensor([START]))[0, 0].numpy() * 255
    factor = len(levels) // len(wanted)
    assert factor >= 2
    assert np.abs(levels - wanted.repeat(factor, 0).repeat(factor, 1)).max() <= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100])
def test_the_page_fits_its_window_in_light_and_in_dark(
    opened: Callable[..., Page], grey: tuple[Checkpoint, Path], scheme: str, width: int
) -> None:
    page = opened(grey[1], viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.get_by_text("About this model").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    parts = [slider(page, 2), page.locator(".bv-picture")]
    parts += [page.get_by_role("button", name=name) for name in ("Reset all", "Save grid")]
    for part in parts:
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["width"] >= 60
    for at, name in (("body", "backgroundColor"), (".bv-name", "color")):
        colour = page.eval_on_selector(at, f"e => getComputedStyle(e).{name}")
        level = int(colour.removeprefix("rgb(").split(",")[0])
        assert (level > 150) == ((scheme == "light") == (at == "body")), colour


def test_the_page_says_so_where_it_can_not_decode(
    opened: Callable[..., Page], browser: Browser, grey: tuple[Checkpoint, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.html"
    content = grey[1].read_text()
    head, _, tail = content.partition('id="wasm">')
    broken.write_text(f'{head}id="wasm">AAAA{tail[tail.index("</script>") :]}')
    page = opened(broken, decodes=False)
    expect(page.get_by_text("This browser can't show the explorer")).to_be_visible()

    context = browser.new_context()
    context.add_init_script("delete globalThis.WebAssembly")
    page = context.new_page()
    page.goto(grey[1].as_uri())
    expect(page.locator(".bv-badge")).to_have_text(
        "this browser can't decode here (it has no WebAssembly): no picture can be made"
    )
    context.close()
