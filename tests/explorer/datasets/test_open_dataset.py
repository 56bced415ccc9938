"""`open_dataset`: every wrong argument is told in one sentence, and asking costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer import datasets
from explorer.datasets import DATASETS, open_dataset
from explorer.errors import UserError
from explorer.paths import PROJECT


def test_importing_it_imports_neither_torch_nor_torchvision() -> None:
    code = (
        "import sys, explorer.datasets as d, explorer.datasets.names\n"
        "assert len(d.DATASETS) == 23 and all(i.description for i in d.DATASETS.values())\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'{heavy} imported' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_opening_a_drawn_set_does_not_import_torchvision() -> None:
    code = (
        "import sys; from explorer.datasets import open_dataset\n"
        "open_dataset('dsprites').images([0]); sys.exit('torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT).returncode == 0


def test_every_name_that_is_promised_is_there() -> None:
    for name in datasets.__all__:
        assert getattr(datasets, name) is not None
    with pytest.raises(AttributeError):
        datasets.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "dsprite"}, "there is no data set 'dsprite'; there are dsprites, scene, mnist"),
        ({"name": None}, "there is no data set None"),
        ({"name": ["dsprites"]}, "there is no data set"),
        ({"size": 0}, "from 1 to 1024, not 0"),
        ({"size": 1025}, "from 1 to 1024, not 1025"),
        ({"size": -64}, "not -64"),
        ({"size": 64.5}, "size is a whole number of pixels from 1 to 1024, not 64.5"),
        ({"size": "64"}, "size is a whole number of pixels from 1 to 1024, not '64'"),
        ({"size": True}, "not True"),
        ({"size": float("nan")}, "not nan"),
        ({"name": "scene", "size": 256}, "Scene can be opened at .* from 16 to 128, not 256"),
        ({"split": "validation"}, "dSprites has no split 'validation', only train"),
        ({"name": "mnist", "split": "valid"}, "MNIST has no split 'valid', only train, test"),
        ({"name": "folder", "root": ".", "split": "test"}, "no split 'test'"),
        ({"split": None}, "no split None"),
        ({"channels": 2}, "channels is 1 for grey or 3 for colour, not 2"),
        ({"channels": True}, "not True"),
        ({"device": "gpu"}, "there is no device 'gpu'"),
        ({"device": "cuda:99"}, "there is no device 'cuda:99'"),
        ({"name": "folder"}, "your own pictures can't be opened without root: the folder"),
        ({"name": "npz", "root": "  "}, "an array file can't be opened without root"),
        ({"name": "scene", "root": "anywhere"}, "drawn on the spot and reads no files"),
        ({"root": 5}, "root is a path, not 5"),
        ({"root": "a\0b"}, "root is a path"),
        ({"root": b"a"}, "root is a path"),
        ({"root": "~nobody-of-this-name/x"}, "there is no"),
        ({"root": "x" * 5000}, "can't be read"),
        ({"name": "npz", "root": "\ud800"}, "is not a path"),
        ({"root": "nowhere.npz"}, "there is no file nowhere.npz"),
    ],
)
def test_each_wrong_argument_is_told_in_one_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        open_dataset(**{"name": "dsprites"} | arguments)
    assert "\n" not in str(caught.value)


def test_what_belongs_to_no_folder_or_file_is_refused() -> None:
    with pytest.raises(UserError, match="this is a other|a .npz or .npy file is wanted"):
        open_dataset("npz", root="/dev/null")


@given(st.one_of(st.none(), st.text(max_size=20), st.integers(), st.floats(), st.binary(max_size=9)))
def test_any_size_at_all_gives_a_data_set_or_a_sentence(size: Any) -> None:
    try:
        data = open_dataset("dsprites", size=size)
    except UserError as error:
        assert "pixels" in str(error)
    else:
        assert data.shape == (1, size or 64, size or 64)


def test_a_whole_number_of_any_kind_is_a_size() -> None:
    assert open_dataset("dsprites", size=np.int32(32)).shape == (1, 32, 32)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["dsprites", "scene"])
@pytest.mark.parametrize("channels", [1, 3])
def test_drawn_sets_have_the_asked_channels_and_an_identity_for_each(name: str, channels: int) -> None:
    data = open_dataset(name, size=32, channels=channels)
    images = data.images([0, len(data) - 1])
    assert images.shape == (2, channels, 32, 32) == (2, *data.shape)
    assert images.dtype == torch.uint8 and images.is_contiguous()
    others = {open_dataset(name, size=size, channels=c).identity for size in (28, 32) for c in (1, 3)}
    assert len(others) == 4 and data.identity in others


@pytest.mark.parametrize("name", ["dsprites", "scene"])
def test_indices_may_be_a_range_a_list_an_array_or_a_tensor(name: str) -> None:
    data = open_dataset(name, size=32)
    first = data.images(range(3, 9, 2))
    for indices in ([3, 5, 7], np.array([3, 5, 7]), torch.tensor([3, 5, 7], dtype=torch.int32)):
        assert torch.equal(data.images(indices), first)


def test_moving_an_array_set_keeps_everything(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.eye(8)[None].repeat(3, 0), factors=np.arange(3))
    data = open_dataset("npz", root=tmp_path / "a.npz")
    assert data.to("cpu") is data
    moved = data.to("meta")
    assert (moved.identity, moved.factor_names, moved.shape) == (data.identity, data.factor_names, data.shape)


def test_what_pages_say_of_a_set_is_true(tmp_path: Path) -> None:
    for name in ("dsprites", "scene"):
        data = open_dataset(name)
        assert data.shape[1] == DATASETS[name].size
        assert f"{len(data):,}" in DATASETS[name].description
