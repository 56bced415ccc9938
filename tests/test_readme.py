"""What the README promises a newcomer is there."""

import json
import re
from pathlib import Path

from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from models.kinds import built_here

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()


def test_two_commands_do_all_the_set_up() -> None:
    lines = TEXT.splitlines()
    assert "pip install -r requirements.txt && streamlit run app.py" in lines
    assert "pip install -r requirements-dev.txt && pytest" in lines


def test_every_file_it_points_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert "docs/architecture.md" in targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_it_says_which_sizes_each_network_takes() -> None:
    for name, sizes in ((name, kind.sizes) for name, kind in built_here().items()):
        if sizes is None:
            continue
        pattern = rf"`{name}`(?: takes images of)?\s+{sizes[0]}" + "".join(rf"(?:,| or)\s+{size}" for size in sizes[1:])
        assert re.search(pattern, TEXT), name
    assert "28 to 128 pixels" not in TEXT and "`mlp` any size" in TEXT


def test_how_many_dimensions_it_says_are_in_use_are() -> None:
    for name, said in (("dsprites-beta1", 10), ("dsprites-beta2", 9), ("mnist-beta1", 10)):
        known = json.loads((ROOT / "models/pretrained" / name / "config.json").read_text())
        assert sum(kl > 0.1 for kl in known["evaluation"]["kl_per_dimension"]) == said
        word = {9: "nine", 10: "ten"}[said]
        row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}`"))
        assert word in row.rpartition(" | ")[2]


def test_it_opens_with_a_film_of_the_app() -> None:
    picture = re.search(r"!\[[^\]]+\]\(([^)]+\.webp)\)", TEXT)
    assert picture and TEXT.index(picture[0]) < 1200
    with Image.open(ROOT / picture[1]) as film:
        assert isinstance(film, WebPImageFile) and film.width >= 900 and film.n_frames > 50


def test_every_shipped_model_is_in_its_table() -> None:
    for folder in (ROOT / "models" / "pretrained").iterdir():
        assert f"`{folder.name}`" in TEXT, folder.name
