"""MNIST, Fashion-MNIST, CIFAR-10 and CelebA, from the files people have of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.datasets import mnist, open_dataset
from explorer.errors import UserError

DIGITS = np.arange(7, dtype=np.uint8)
PIXELS = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


def idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    return header + values.tobytes()


def write_mnist(
    folder: Path, split: str = "train", zipped: bool = False, images: bytes | None = None, labels: bytes | None = None
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"images-idx3": images or idx(PIXELS), "labels-idx1": labels or idx(DIGITS)}
    for kind, content in contents.items():
        path = folder / f"{'train' if split == 'train' else 't10k'}-{kind}-ubyte"
        if zipped:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))
        else:
            path.write_bytes(content)
    return folder


def test_mnist_is_whole_and_its_labels_are_its_factor(real_mnist: Path) -> None:
    data = open_dataset("mnist", root=real_mnist, split="test")
    assert len(data) == 10_000 and data.shape == (1, 28, 28)
    assert data.factor_names == ("digit",) and data.factor_sizes == (10,)
    assert data.factors([0, 1, 2, 3, 4]).flatten().tolist() == [7, 2, 1, 0, 4]
    assert len(open_dataset("mnist", root=real_mnist)) == 60_000


def test_mnist_at_32_pixels_is_what_published_models_were_trained_on(real_mnist: Path) -> None:
    original = open_dataset("mnist", root=real_mnist, split="test")
    resized = open_dataset("mnist", root=real_mnist, split="test", size=32)
    for index in range(0, 10_000, 97):
        digit = Image.fromarray(original.images([index])[0, 0].numpy())
        expected = np.asarray(digit.resize((32, 32), Image.Resampling.BILINEAR))
        assert np.array_equal(resized.images([index])[0, 0].numpy(), expected)


def test_debians_fashion_mnist_is_found_without_being_told(empty_home: Path) -> None:
    if not mnist.DEBIAN["fashion-mnist"].exists():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    data = open_dataset("fashion-mnist", split="test")
    assert len(data) == 10_000 and data.factor_names == ("class",)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("name", "place"),
    [("mnist", "."), ("mnist", "MNIST/raw"), ("fashion-mnist", "FashionMNIST/raw"), ("fashion-mnist", "fashion-mnist")],
)
def test_both_layouts_are_found_gzipped_or_not(name: str, place: str, zipped: bool, tmp_path: Path) -> None:
    write_mnist(tmp_path / place, zipped=zipped)
    data = open_dataset(name, root=tmp_path)
    assert np.array_equal(data.images(range(7))[:, 0].numpy(), PIXELS)
    assert data.factors(range(7)).flatten().tolist() == DIGITS.tolist()


def test_without_a_root_the_home_folder_is_looked_in(empty_home: Path) -> None:
    write_mnist(empty_home / "data" / "MNIST" / "raw")
    assert len(open_dataset("mnist")) == 7


def test_mnist_in_colour_is_three_times_the_same(tmp_path: Path) -> None:
    data = open_dataset("mnist", root=write_mnist(tmp_path), channels=3)
    assert data.shape == (3, 28, 28)
    assert torch.equal(data.images([4])[0, 0], data.images([4])[0, 2])


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"images": idx(PIXELS)[:-5]}, "train-images-idx3-ubyte is cut off"),
        ({"images": idx(PIXELS) + b"x"}, "longer than it says"),
        ({"images": b"<html>404</html>"}, "doesn't begin as it should"),
        ({"images": b"\0"}, "doesn't begin as it should"),
        ({"images": idx(PIXELS[:0])}, "is empty"),
        ({"images": b"\0\0\x08\x03" + b"\xff" * 12}, "would take"),
        ({"images": gzip.compress(idx(PIXELS))[:-12]}, "damaged"),
        ({"images": gzip.compress(idx(PIXELS))[:40] + b"\0" * 40}, "damaged|cut off"),
        ({"images": gzip.compress(idx(PIXELS))[:-8] + b"\0" * 8}, "damaged"),
        ({"labels": idx(DIGITS[:3])}, "7 images and .* 3 labels"),
        ({"labels": idx(DIGITS + 9)}, "a label 15; labels are 0 to 9"),
        ({"labels": idx(PIXELS)}, "labels-idx1-ubyte doesn't begin as it should"),
    ],
)
def test_a_damaged_idx_file_is_named(files: dict[str, bytes], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        open_dataset("mnist", root=write_mnist(tmp_path, **files))  # type: ignore[arg-type]


def test_a_size_that_does_not_fit_into_memory_is_refused_beforehand(real_mnist: Path) -> None:
    with pytest.raises(UserError, match="would take 58.6 GB of memory"):
        open_dataset("mnist", root=real_mnist, size=1024)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "wanted"),
    [("mnist", "train-images-idx3-ubyte"), ("cifar10", "cifar-10-batches-bin"), ("celeba", "img_align_celeba")],
)
def test_what_is_not_here_is_said_and_nothing_leaves_the_machine(
    name: str, wanted: str, empty_home: Path, tmp_path: Path
) -> None:
    for root in (None, tmp_path / "elsewhere"):
        with pytest.raises(UserError, match="--download") as caught:
            open_dataset(name, root=root)
        assert str(root or empty_home) in str(caught.value) and wanted in str(caught.value)
    assert not empty_home.exists()


def test_a_download_is_tried_only_when_asked_and_its_failure_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision import datasets  # type: ignore[import-untyped, unused-ignore]

    asked: list[Path] = []

    def fail(root: Path, download: bool) -> None:
        asked.append(root)
        raise RuntimeError("Error downloading\ntrain-images")

    monkeypatch.setattr(datasets, "MNIST", fail)
    with pytest.raises(UserError, match="could not be fetched into .*: Error downloading train-im"):
        open_dataset("mnist", root=tmp_path / "new", download=True)
    assert asked == [tmp_path / "new"]
    monkeypatch.setattr(datasets, "MNIST", lambda root, download: write_mnist(root / "MNIST" / "raw"))
    assert len(open_dataset("mnist", root=tmp_path / "new", download=True)) == 7
    monkeypatch.setattr(datasets, "MNIST", fail)
    assert len(open_dataset("mnist", root=tmp_path / "new", download=True)) == 7  # it is here now


def write_cifar(folder: Path, rows: int = 4) -> np.ndarray:
    folder.mkdir(parents=True)
    values = np.random.default_rng(0).integers(0, 256, (5, rows, 3073), dtype=np.uint8)
    values[..., 0] %= 10
    for number in range(5):
        (folder / f"data_batch_{number + 1}.bin").write_bytes(values[number].tobytes())
    return values.reshape(-1, 3073)


def test_cifar_is_read_from_its_binary_files(tmp_path: Path) -> None:
    rows = write_cifar(tmp_path / "cifar-10-batches-bin")
    for root in (tmp_path, tmp_path / "cifar-10-batches-bin"):
        data = open_dataset("cifar10", root=root)
        assert len(data) == 20 and data.shape == (3, 32, 32)
        assert np.array_equal(data.images([17]).numpy().reshape(-1), rows[17, 1:])
        assert data.factors(range(20)).flatten().tolist() == rows[:, 0].tolist()
    assert data.factor_names == ("class",)
    with pytest.raises(UserError, match="test_batch.bin can't be read"):
        open_dataset("cifar10", root=tmp_path, split="test")


def test_a_cut_off_cifar_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    write_cifar(folder)
    (folder / "data_batch_3.bin").write_bytes(b"\1" * 5000)
    with pytest.raises(UserError, match=r"data_batch_3\.bin is 5,000 bytes long"):
        open_dataset("cifar10", root=tmp_path)


def test_a_cifar_pickle_that_is_not_the_published_one_is_never_opened(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (folder / name).write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % bytes(tmp_path / "opened"))
    with pytest.raises(UserError, match="other ones than the published CIFAR-10"):
        open_dataset("cifar10", root=tmp_path)
    assert not (tmp_path / "opened").exists()


def write_celeba(folder: Path) -> Path:
    (folder / "img_align_celeba").mkdir(parents=True)
    for number in range(6):
        face = np.zeros((218, 178, 3), np.uint8)
        face[20:198] = 40 * number  # the central square; the rest stays black
        Image.fromarray(face).save(folder / "img_align_celeba" / f"{number:06}.jpg", quality=95)
    splits = "".join(f"{number:06}.jpg {number % 3}\n" for number in range(6))
    (folder / "list_eval_partition.txt").write_text(splits)
    rows = "".join(f"{n:06}.jpg {1 if n < 3 else -1}  {-1 if n else 1}\n" for n in range(6))
    (folder / "list_attr_celeba.txt").write_text(f"6\nSmiling Young\n{rows}")
    return folder


def test_celeba_is_cropped_to_its_faces_with_attributes_as_factors(tmp_path: Path) -> None:
    write_celeba(tmp_path / "celeba")
    data = open_dataset("celeba", root=tmp_path)
    assert len(data) == 2 and data.shape == (3, 64, 64)
    images = data.images([0, 1]).float()
    assert (images[1, :, 1:-1] - 120).abs().max() <= 3
    assert images[1].min() > 90  # the edge of the face rings a little, as JPEG does
    assert data.factor_names == ("Smiling", "Young") and data.factor_sizes == (2, 2)
    assert data.factors([0, 1]).tolist() == [[1, 1], [0, 0]]
    assert len(open_dataset("celeba", root=tmp_path, split="all")) == 6


def test_a_missing_face_is_named_and_the_factors_of_the_others_stay_theirs(tmp_path: Path) -> None:
    folder = write_celeba(tmp_path / "celeba")
    (folder / "img_align_celeba" / "000000.jpg").write_text("gone")
    data = open_dataset("celeba", root=tmp_path)
    assert len(data) == 1 and data.factors([0]).tolist() == [[0, 0]]
    assert data.notes[0].startswith("000000.jpg was left out")


def test_celeba_without_its_attributes_has_no_factors_and_says_so(tmp_path: Path) -> None:
    (write_celeba(tmp_path) / "list_attr_celeba.txt").unlink()
    data = open_dataset("celeba", root=tmp_path)
    assert data.factor_names is None and "list_attr_celeba.txt" in data.notes[-1]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("list_eval_partition.txt", "../../secret.jpg 0\n", "no plain file name"),
        ("list_eval_partition.txt", "000000.jpg\n", "a line of 1 words; 2 are wanted"),
        ("list_eval_partition.txt", "000000.jpg 1\n", "no image of CelebA's train split"),
        ("list_attr_celeba.txt", "1\nSmiling\n000000.jpg 1\n", "no line, or a value other than"),
        ("list_attr_celeba.txt", "", "names no attributes|no line"),
    ],
)
def test_a_wrong_list_of_celebas_is_named(name: str, text: str, sentence: str, tmp_path: Path) -> None:
    (write_celeba(tmp_path) / name).write_text(text)
    with pytest.raises(UserError, match=sentence):
        open_dataset("celeba", root=tmp_path)
