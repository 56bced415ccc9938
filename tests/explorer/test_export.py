"""Models as files: what others' programs make of them must be what torch makes of the model."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from explorer.analysis.evaluation import choose
from explorer.checkpoints import Checkpoint, Evaluation, describe, load, save
from explorer.checkpoints.labels import Labels, read_labels, write_labels
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.datasets import open_dataset
from explorer.export import films
from explorer.recipe.model import ModelConfig

TRICKY = '"><img src=x onerror="window.sprung=1"></script><script>window.sprung=1</script>'
KL = (0.1, 2.0, 0.0, 0.7)


def make(folder: Path, known: bool = True, gain: float = 4.0, **settings: Any) -> Checkpoint:
    """A checkpoint of random weights with four latents, large enough that its pictures differ."""
    torch.set_num_threads(1)
    values = {"network": "burgess", "shape": (1, 64, 64), "latents": len(KL)} | settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = build_model(ModelConfig.model_validate(values))
        last = list(model.network.decoder.parameters())[-2]
        with torch.no_grad():
            last.mul_(gain)
    evaluation = (
        Evaluation(
            data="dsprites", count=10, seed=0, reconstruction=1.0, kl=sum(KL), kl_per_dimension=KL, active_units=2
        )
        if known
        else None
    )
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
        {"shape": (3, 32, 32), "likelihood": "gaussian"},
        {"network": "locatello"},
        {"network": "locatello", "shape": (3, 64, 64)},
        {"network": "compact", "shape": (1, 32, 32)},
        {"network": "compact", "shape": (3, 64, 64), "likelihood": "optimal-gaussian"},
        {"network": "mlp", "shape": (1, 6, 9), "likelihood": "gaussian"},
        {"network": "mlp", "shape": (3, 5, 4)},
        {"network": "linear", "shape": (1, 8, 8)},
        {"network": "linear", "shape": (3, 8, 8), "likelihood": "gaussian"},
    ],
    ids=lambda given: f"{given.get('network', 'burgess')}-{given.get('shape', (1,))[0]}",
)
def test_onnx_files_compute_what_torch_computes(tmp_path: Path, settings: dict[str, Any]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    # Weights as they are built: with larger ones, torch's own rounding at ±1e3 is more than 1e-3.
    model = make(tmp_path / "model", gain=1.0, **settings).model
    result = run("export", tmp_path / "model", "--to", "onnx", "--out", tmp_path / "out.onnx")
    assert result.exit_code == 0, result.output
    decoder = onnxruntime.InferenceSession(tmp_path / "out.onnx")
    encoder = onnxruntime.InferenceSession(tmp_path / "out.encoder.onnx")
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.encoder.onnx", "out.onnx"]

    generator = torch.Generator().manual_seed(0)
    cases = [torch.randn(count, len(KL), generator=generator) for count in (1, 2, 200)]
    ends = torch.randint(0, 2, (50, len(KL)), generator=generator)
    cases += [torch.full((1, len(KL)), 1e3), torch.full((1, len(KL)), -1e3), 2e3 * ends - 1e3]
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


def test_weights_stored_in_half_give_the_very_numbers_that_whole_ones_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from explorer.export import onnx

    model = load(save(make(tmp_path / "model").model, tmp_path / "half", half=True))
    for write, shape in ((onnx.decoder_onnx, (4,)), (onnx.encoder_onnx, (1, 64, 64))):
        with monkeypatch.context() as patch:
            patch.setattr(onnx, "_halve", lambda proto: None)
            whole = write(model)
        half = write(model)
        assert len(half) < 0.6 * len(whole)
        given = np.random.default_rng(0).uniform(size=(3, *shape)).astype(np.float32)
        outputs = []
        for content in (half, whole):
            session = onnxruntime.InferenceSession(content)
            outputs.append(session.run(None, {session.get_inputs()[0].name: given}))
        for one, other in zip(*outputs, strict=True):
            assert np.array_equal(one, other)


def test_onnx_files_say_what_they_are_and_nothing_of_the_machine(checkpoint: Checkpoint) -> None:
    onnx = pytest.importorskip("onnx")
    from explorer.export.onnx import decoder_onnx

    content = decoder_onnx(checkpoint)
    facts = {item.key: item.value for item in onnx.load_from_string(content).metadata_props}
    assert facts["model"] == "small" and facts["weights"] == checkpoint.hash
    assert facts["latents"] == "4" and facts["shape"] == "1x64x64"
    assert b".py" not in content and str(Path.cwd()).encode() not in content


# --- pictures, films, folders -----------------------------------------------------------------------


def test_a_traversal_sheet_is_sorted_by_kl_and_shows_the_models_own_pictures(checkpoint: Checkpoint) -> None:
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
    "settings", [{}, {"network": "mlp", "shape": (3, 7, 9), "likelihood": "gaussian"}], ids=["grey", "odd-sized-colour"]
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


def test_the_picture_at_given_latents_is_the_models_own_enlarged(checkpoint: Checkpoint, tmp_path: Path) -> None:
    target = tmp_path / "one.png"
    options = ("--view", "picture", "--z", "0.5,,-1", "--scale", "3")
    result = run("export", checkpoint.path, "--to", "png", "--out", target, *options)
    assert result.exit_code == 0, result.output
    shown = np.asarray(Image.open(target)).astype(float)
    assert shown.shape == (192, 192, 3)
    wanted = checkpoint.model.decode(torch.tensor([[0.5, 0.0, -1.0, 0.0]]))[0, 0].numpy() * 255
    assert np.abs(shown[..., 0] - wanted.repeat(3, 0).repeat(3, 1)).max() <= 0.51


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("png", ("--z", "1,two"), "--z, value 2: 'two' is not a number from -1000 to 1000"),
        ("gif", ("--z", "nan"), "'nan' is not a number"),
        ("mp4", ("--z", "0,1e9"), "'1e9' is not a number"),
        ("html", ("--z", "1,2,3,4,5"), "--z has 5 values, and the model has 4 latents"),
        ("onnx", ("--z", "1"), "--z is for picture, png, gif, mp4, html, decoded; --to onnx holds the whole model"),
        ("gif", ("--view", "picture"), "--view picture is for --to png"),
    ],
)
def test_latents_that_can_not_be_used_are_refused_in_a_sentence(
    checkpoint: Checkpoint, tmp_path: Path, kind: str, options: tuple[str, ...], sentence: str
) -> None:
    target = tmp_path / f"out.{kind}"
    result = run("export", checkpoint.path, "--to", kind, "--out", target, *options)
    assert result.exit_code == 2 and not target.exists()
    assert sentence in result.stderr and result.stderr.count("\n") == 1


def test_a_grid_goes_through_the_given_latents_with_the_names_of_dimensions(tmp_path: Path) -> None:
    model = make(tmp_path / "model").model
    labels = Labels(names={3: "turn", 0: "\u56de\u8ee2 \U0010fffd"}, order=(2, 3))
    start = np.array([0.5, -1.0, 2.0, 0.0])
    sheet = films.traversal_sheet(
        model, np.array(KL), 3, start=start, labels=labels, ends=(np.full(4, -2.0), np.full(4, 1.0))
    )
    assert sheet.labels == ["z2  0.00 nats", "turn (z3)  0.70 nats", "z1  2.00 nats", "z0  0.10 nats"]
    wanted = model.decode(torch.tensor([[0.5, -1.0, 2.0, -2.0]]))[0, 0].numpy() * 255
    assert np.abs(sheet.rows[1, 0, :, :, 0] - wanted).max() <= 0.51


def test_names_are_drawn_in_films_and_grids_of_the_command_line(tmp_path: Path) -> None:
    folder = make(tmp_path / "model").path
    plain, named = tmp_path / "plain.png", tmp_path / "named.png"
    arguments = ("export", folder, "--to", "png", "--steps", "2", "--out")
    assert run(*arguments, plain).exit_code == 0
    write_labels(folder, Labels(names={1: "a rather long name of a dimension"}))
    assert run(*arguments, named).exit_code == 0
    # A wider margin for the name; the pictures are the same.
    before, after = (np.asarray(Image.open(path)) for path in (plain, named))
    assert after.shape[1] > before.shape[1] + 100
    assert np.array_equal(after[:, -256:], before[:, -256:])


def test_kl_is_measured_where_data_is_named_and_unknown_where_there_is_none(tmp_path: Path) -> None:
    model = tmp_path / "model"
    make(model, known=False)
    arguments = ("export", model, "--to", "png", "--out", tmp_path / "out.png", "--steps", "2")
    assert "KL unknown: " in run(*arguments).output
    result = run(*arguments, "--data", "dsprites", "--count", "20")
    assert "KL measured on 20 images of dsprites (train)" in result.output
    result = run(*arguments, "--data", "mnist", "--root", tmp_path)
    assert result.exit_code == 2 and result.stderr.startswith("error: ")


def test_the_hub_folder_holds_four_files_and_loads_as_the_same_model(checkpoint: Checkpoint, tmp_path: Path) -> None:
    (checkpoint.path / "stray.pkl").write_bytes(b"x")
    target = tmp_path / "hub" / "mine"
    assert run("export", checkpoint.path, "--to", "hf", "--out", target).exit_code == 0
    (checkpoint.path / "stray.pkl").unlink()
    names = ["README.md", "config.json", "model.safetensors", "modeling.py"]
    assert sorted(path.name for path in target.iterdir()) == names
    assert load(target).hash == checkpoint.hash
    result = run("export", checkpoint.path, "--to", "hf", "--out", target)
    assert result.exit_code == 2 and "is there already" in result.stderr
    assert sorted(path.name for path in target.parent.iterdir()) == ["mine"]


def test_names_of_dimensions_go_out_with_a_model_and_come_in_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    folder = make(tmp_path / "model").path
    given = Labels(names={1: "turn", 0: TRICKY[:40]}, order=(1, 0, 2, 3))
    write_labels(folder, given)
    hub = tmp_path / "hub"
    assert run("export", folder, "--to", "hf", "--out", hub).exit_code == 0
    assert read_labels(hub) == given
    assert run("import", hub, "--name", "back").exit_code == 0
    assert read_labels(tmp_path / "home" / "library" / "back") == given
    assert describe("back").hash == describe(folder).hash

    (hub / "labels.json").write_text('{"names": {"9": "of no dimension", "2": "size"}}')
    assert run("import", hub, "--name", "cut").exit_code == 0
    assert read_labels(tmp_path / "home" / "library" / "cut") == Labels(names={2: "size"})
    for number, wrong in enumerate(('{"names": {"1": 7}}', "[", '{"names": {}, "run": "rm"}')):
        (hub / "labels.json").write_text(wrong)
        assert run("import", hub, "--name", f"none{number}").exit_code == 0
        assert not (tmp_path / "home" / "library" / f"none{number}" / "labels.json").exists()


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


# --- doubts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["picture", "png", "gif", "mp4", "traverse.png", "traverse.gif"])
def test_a_picture_or_film_of_a_doubtful_model_says_so_in_the_file(tmp_path: Path, kind: str) -> None:
    model = build_model(ModelConfig(network="linear", shape=(1, 16, 16), latents=2))
    doubt = "of 2 latents the encoder finds 0.1 again, so β ≈ 4 is a guess"
    for name, doubts in (("sure", ()), ("unsure", (doubt,))):
        save(model, tmp_path / name, doubts=doubts)
        out = tmp_path / f"{name}.{'png' if kind == 'picture' else kind.rpartition('.')[2]}"
        words = {"picture": ["--to", "png", "--view", "picture"]}.get(kind, ["--to", kind, "--steps", "3"])
        asked: list[str | Path]
        asked = ["traverse", tmp_path / name, "--steps", "3"] if "." in kind else ["export", tmp_path / name, *words]
        result = run(*asked, "--out", out)
        assert result.exit_code == 0, result.output
        if kind == "mp4":
            assert (doubt.encode() in out.read_bytes()) == bool(doubts)
            continue
        with Image.open(out) as image:
            said = image.info.get("comment", b"").decode() if out.suffix == ".gif" else image.info.get("Comment", "")
        assert said == (f"doubtful: {doubt}" if doubts else "")


def table(path: Path) -> list[list[str]]:
    """The rows of a table with commas, without the last column, which says where the file is from."""
    rows = list(csv.reader(path.open(newline="")))
    assert rows[0][-1] == "origin" and rows[1][-1] and not any(row[-1] for row in rows[2:])
    return [row[:-1] for row in rows]


def test_kl_and_codes_are_tables_of_what_the_model_says_of_images(tmp_path: Path) -> None:
    out = tmp_path / "kl.csv"
    assert run("export", "dsprites-disentangled", "--to", "kl", "--out", out).exit_code == 0
    head, *rows = table(out)
    told = load("dsprites-disentangled").evaluation
    assert told is not None and head == ["dimension", "name", "kl_nats", "active"]
    assert [float(row[2]) for row in rows] == pytest.approx(sorted(told.kl_per_dimension, reverse=True), rel=1e-5)
    assert {row[0]: row[1] for row in rows}["8"] == "up and down" and rows[0][3] == "1" and rows[-1][3] == "0"

    out = tmp_path / "codes.csv"
    words = ("--to", "codes", "--count", "7", "--seed", "3", "--out", out)
    assert run("export", "dsprites-disentangled", *words).exit_code == 0
    head, *rows = table(out)
    data = open_dataset("dsprites", size=64)
    indices = choose(data, 7, seed=3)
    assert [int(row[0]) for row in rows] == indices.tolist()
    posterior = load("dsprites-disentangled").model.encode(data.images(indices).float() / 255)
    numbers = torch.tensor([[float(value) for value in row[1:]] for row in rows])
    torch.testing.assert_close(numbers[:, :10], posterior.mean, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(numbers[:, 10:20], posterior.std, rtol=1e-4, atol=1e-4)
    assert head[21:] == list(data.factor_names or ())
    assert torch.equal(numbers[:, 20:].long(), data.factors(indices).long())
