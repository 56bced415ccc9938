"""The command line as a person meets it: own images, pictures out, and one sentence for each mistake."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from explorer import checkpoints
from explorer.checkpoints.store import build_model
from models.beta_vae import BetaVAE

ROOT = Path(__file__).resolve().parents[3]


def explorer(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "explorer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT)


def model(
    network: str = "compact", shape: tuple[int, int, int] = (1, 64, 64), latents: int = 4, **more: Any
) -> BetaVAE:
    config = {"network": network, "shape": shape, "latents": latents} | more
    return build_model(checkpoints.ModelConfig.model_validate(config))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.save(model(), tmp_path_factory.mktemp("models") / "plain", training={"data": "dsprites"})


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 pictures of different sizes and modes, and three files that are not what they seem."""
    folder = tmp_path_factory.mktemp("photographs")
    dice = np.random.default_rng(0)
    for number in range(200):
        height, width = dice.integers(40, 300, size=2)
        top, bottom = dice.uniform(0, 255, size=2)
        sky = np.linspace(top, bottom, height)[:, None, None]
        hue = dice.uniform(0.3, 1, size=3)
        picture = np.broadcast_to(sky * hue, (height, width, 3)) + dice.normal(0, 8, (height, width, 3))
        image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        if number % 10 == 3:
            image.convert("L").save(folder / f"{number:03d}.png")
        elif number % 10 == 7:
            image.convert("CMYK").save(folder / f"{number:03d}.jpg")
        else:
            image.save(folder / f"{number:03d}.jpg", quality=90)
    (folder / "notes.png").write_text("this is no picture")
    whole = (folder / "000.jpg").read_bytes()
    (folder / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (20_000, 20_000)).save(folder / "vast.png")
    return folder


def test_a_folder_of_photographs_trains_evaluates_and_traverses_with_a_command_each(
    photographs: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    trained = explorer(
        "train", "--data", "folder", "--root", photographs, "--size", 32, "--steps", 30,
        "--batch-size", 16, "--likelihood", "optimal-gaussian", "--out", run,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    for name in ("notes.png", "torn.jpg", "vast.png"):
        assert name in trained.stderr, trained.stderr
        assert name in (run / "log.txt").read_text()
    assert "Traceback" not in trained.stderr

    evaluated = explorer("evaluate", run, "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    numbers = json.loads(evaluated.stdout)
    assert numbers["count"] == 200
    assert len(numbers["kl_per_dimension"]) == 10
    assert numbers["kl"] == pytest.approx(sum(numbers["kl_per_dimension"]))

    traversed = explorer("traverse", run, "--out", tmp_path / "grid.png")
    assert traversed.returncode == 0, traversed.stderr
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.width > 11 * 32 and grid.height >= 10 * 32


def test_a_folder_with_nothing_to_train_on_says_why(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "notes.png").write_text("no picture")
    result = explorer("train", "--data", "folder", "--root", tmp_path / "pictures", "--out", tmp_path / "run")
    assert result.returncode == 2
    assert "notes.png" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "--beta", "much"], "beta"),
        (["train", "--beta", "-1"], "beta"),
        (["train", "--beta", "nan"], "beta"),
        (["train", "--latents", "0"], "latents"),
        (["train", "--latents", "99999"], "latents"),
        (["train", "--steps", "1.5"], "steps"),
        (["train", "--network", "resnet"], "network"),
        (["train", "--objective", "magic"], "objective"),
        (["train", "--data", "imagenet"], "imagenet"),
        (["train", "--data", "folder"], "root"),
        (["train", "--data", "folder", "--root", "/nowhere"], "/nowhere"),
        (["train", "--size", "31"], "31"),
        (["train", "--network", "burgess", "--size", "128"], "burgess"),
        (["train", "--device", "tpu"], "device"),
        (["train", "--device", "cuda:7"], "cuda:7"),
        (["train", "--batch-size", "9999999"], "batch_size"),
        (["train", "--learning-rate", "0"], "learning_rate"),
        (["train", "--seed", "-1"], "seed"),
        (["train", "--resume"], "no run to resume"),
        (["train", "--channels", "2"], "channels"),
        (["train", "--objective", "tc", "--warmup", "linear"], "warmup_steps"),
        (["runs", "--root", "/nowhere"], "/nowhere"),
        (["traverse", "MODEL", "--out", "~no-such-person/x.png"], "~no-such-person"),
        (["evaluate", "no-such-model"], "no-such-model"),
        (["evaluate", "MODEL", "--count", "-3"], "count"),
        (["evaluate", "MODEL", "--count", "999999999"], "999,999,999"),
        (["evaluate", "MODEL", "--data", "nothing"], "nothing"),
        (["evaluate", "MODEL", "--device", "abacus"], "abacus"),
        (["traverse", "MODEL", "--out", "picture.bmp"], "picture.bmp"),
        (["traverse", "MODEL", "--out", "/proc/none/x.png"], "/proc/none/x.png"),
        (["traverse", "MODEL", "--image", "99999999", "--out", "x.png"], "99999999"),
        (["traverse", "MODEL", "--steps", "1", "--out", "x.png"], "steps"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_a_bad_value_gets_a_sentence_that_names_it(
    arguments: list[str], named: str, saved: Path, tmp_path: Path
) -> None:
    arguments = [str(saved) if a == "MODEL" else a for a in arguments]
    if arguments[0] == "train":
        arguments += ["--out", str(tmp_path / "run")]
    result = explorer(*arguments)
    assert result.returncode == 2, result.stderr
    assert named in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_too_little_memory_is_said_in_a_sentence(tmp_path: Path) -> None:
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (14 << 30, 14 << 30)); "
        "sys.argv[0] = 'explorer'; from explorer.cli import main; main()"
    )
    arguments = [
        "train", "--size", "32", "--objective", "tc", "--batch-size", "20000", "--steps", "1",
        "--eval-images", "8", "--out", str(tmp_path / "run"),
    ]  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert result.returncode == 2, result.stderr[-2000:]
    assert "memory" in result.stderr and "Traceback" not in result.stderr
    assert "memory" in (tmp_path / "run" / "state.json").read_text()


def test_a_refused_run_leaves_the_directory_free_for_the_next_try(tmp_path: Path) -> None:
    run = tmp_path / "run"
    refused = explorer("train", "--data", "folder", "--root", "/nowhere", "--out", run)
    assert refused.returncode == 2
    again = explorer("train", "--size", 32, "--steps", 2, "--batch-size", 4, "--out", run)
    assert again.returncode == 0, again.stderr


def test_traverse_writes_a_labelled_grid_and_a_film(saved: Path, tmp_path: Path) -> None:
    still = explorer("traverse", saved, "--out", tmp_path / "grid.png", "--steps", 5, "--count", 50)
    assert still.returncode == 0, still.stderr
    assert "50 images of dsprites" in still.stdout
    film = explorer("traverse", saved, "--out", tmp_path / "film.gif", "--steps", 5, "--count", 50)
    assert film.returncode == 0, film.stderr
    with Image.open(tmp_path / "film.gif") as frames:
        assert isinstance(frames, GifImageFile) and frames.n_frames == 8  # there and back
    with Image.open(tmp_path / "grid.png") as grid:
        pixels = np.asarray(grid.convert("L"))
    assert (pixels[:, :60] < 100).any(), "no label at the left"


def test_runs_lists_what_there_is_and_survives_a_damaged_one(tmp_path: Path) -> None:
    done = tmp_path / "runs" / "good"
    explorer("train", "--size", 32, "--steps", 2, "--batch-size", 4, "--out", done)
    (tmp_path / "runs" / "bad").mkdir()
    (tmp_path / "runs" / "bad" / "config.json").write_text("{")
    listed = explorer("runs", "--root", tmp_path / "runs")
    assert listed.returncode == 0, listed.stderr
    assert "finished" in listed.stdout and "2/2" in listed.stdout
    assert "is not JSON" in listed.stdout or "is not there" in listed.stdout
    rows = [json.loads(r) for r in explorer("runs", "--root", tmp_path / "runs", "--json").stdout.splitlines()]
    assert {row["status"] for row in rows} == {"finished", "unreadable"}


@pytest.mark.parametrize("command", ["", "train", "evaluate", "traverse", "runs", "sweep", "measure", "insight"])
def test_help_teaches_with_an_example(command: str) -> None:
    result = explorer(*([command] if command else []), "--help")
    assert result.returncode == 0
    assert "python -m explorer" in result.stdout.replace("Usage: python -m explorer", "")
