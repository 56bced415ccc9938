"""What the README promises a newcomer is there."""

import re
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()


def test_two_commands_do_all_the_set_up():
    lines = TEXT.splitlines()
    assert "pip install -r requirements.txt && streamlit run app.py" in lines
    assert "pip install -r requirements-dev.txt && pytest" in lines


def test_every_file_it_points_to_is_there():
    targets = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert "docs/architecture.md" in targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_it_opens_with_a_real_screenshot():
    picture = re.search(r"!\[[^\]]+\]\(([^)]+\.png)\)", TEXT)
    assert picture and TEXT.index(picture[0]) < 1200
    with Image.open(ROOT / picture[1]) as screenshot:
        assert screenshot.width >= 1000


def test_every_shipped_model_is_in_its_table():
    for folder in (ROOT / "models" / "pretrained").iterdir():
        assert f"`{folder.name}`" in TEXT, folder.name
