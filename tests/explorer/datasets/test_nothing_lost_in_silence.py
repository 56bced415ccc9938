"""What of pictures and arrays is not taken as it was meant is said: on the page, in the shell, and with the set."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from explorer.cli import main
from explorer.datasets import DATASETS, intake, open_dataset, own
from explorer.errors import UserError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (50, 28, 28), dtype=np.uint8)


@pytest.fixture(autouse=True)
def home(empty_home: Path) -> Path:
    return empty_home


def look(name: str, content: bytes) -> intake.PictureSet:
    return intake.look_at_files([(name, io.BytesIO(content))])


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def picture(array: np.ndarray, kind: str = "PNG", more: list[np.ndarray] | None = None) -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(each) for each in more or []]
    Image.fromarray(array).save(file, kind, **({"save_all": True, "append_images": frames} if frames else {}))
    return file.getvalue()


def zipped(contents: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in contents.items():
            made.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("top, bits", [(4095, 12), (1023, 10), (16383, 14)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_values_of_few_bits_in_16_are_said_to_be_dark_and_are_left_as_they_are(
    kind: str, top: int, bits: int
) -> None:
    values = np.linspace(0, top, 1600).reshape(40, 40).astype(np.uint16)
    found = look("a.png", picture(values, kind))
    [note] = found.notes
    assert f"go no higher than {top:,} of 65,535" in note and f"{bits} bits" in note
    assert f"multiply them by {65535 // top}" in note
    bright = look("b.png", picture(values * np.uint16(65535 // top), kind))
    assert bright.notes == ()
    both = look("z.zip", zipped({"a.png": picture(values, kind), "b.png": picture(values * 2, kind)}))
    assert f"than {2 * top:,} of 65,535" in both.notes[0]  # of all together


def test_values_from_0_to_16_are_said_to_be_dark_in_arrays_and_in_pictures() -> None:
    digits = RANDOM.integers(0, 17, (100, 8, 8))
    for content in (npy(digits.astype(np.uint8)), npz(images=(digits / 255).astype(np.float32))):
        name = "a.npy" if content[:1] == b"\x93" else "a.npz"
        [note] = look(name, content).notes
        assert "No value is above" in note and "15.94" in note
        assert "16 of 255" in note or "0.063 of 1" in note
    with pytest.raises(UserError, match=r"from 0 to 16; floats must lie in \[0, 1\] .*divide them by 16"):
        look("a.npy", npy(digits.astype(float)))
    [note] = look("a.png", picture(digits[0].astype(np.uint8))).notes
    assert "No pixel is brighter than 1" in note
    assert look("a.npy", npy(GREY)).notes == ()
    assert look("a.npy", npy(GREY > 127)).notes == ()  # black and white


def test_all_pages_of_a_stack_and_all_frames_of_a_film_are_images_and_that_is_said() -> None:
    pages = [np.full((40, 30), 20 * n, np.uint8) for n in range(12)]
    for name, content, what in (
        ("stack.tif", picture(pages[0], "TIFF", pages[1:]), "pages"),
        ("film.gif", picture(pages[0], "GIF", pages[1:]), "frames"),
        ("film.webp", webp(pages), "frames"),
        ("film.png", picture(pages[0], "PNG", pages[1:]), "frames"),
    ):
        found = look(name, content)
        assert found.count == 12 and found.smallest == (30, 40), name
        assert found.notes == (f"{name} has 12 {what}, which are taken as images each.",)
        intake.store_set(found, name)
        shown = open_dataset(f"own:{name}", size=8).images(range(12))[:, 0, 4, 4].tolist()
        assert shown == pytest.approx([20 * n for n in range(12)], abs=1), name
        own.discard(name)  # the next has the same images, which are stored once
    deep = [np.full((20, 20), 5000 * n, np.uint16) for n in range(1, 9)]
    found = look("deep.tif", picture(deep[0], "TIFF", deep[1:]))
    intake.store_set(found, "deep")
    values = open_dataset("own:deep", size=8, channels=1).images(range(8))[:, 0, 4, 4].tolist()
    assert values == pytest.approx([5000 * n / 257 for n in range(1, 9)], abs=1)
    many = look(
        "z.zip", zipped({"a.tif": picture(pages[0], "TIFF", pages[1:4]), "b.tif": picture(pages[5], "TIFF", pages[6:])})
    )
    assert many.count == 11
    assert "2 files, such as a.tif, have 11 pages together, which are taken" in many.notes[0]


def webp(pages: list[np.ndarray]) -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(each).convert("RGB") for each in pages]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return file.getvalue()


def test_pages_of_different_sizes_are_not_taken_together_and_that_is_said(tmp_path: Path) -> None:
    sizes = [np.full((40, 40), 90, np.uint8), np.full((20, 20), 200, np.uint8)]
    content = picture(sizes[0], "TIFF", sizes[1:])
    found = look("pyramid.tif", content)
    assert found.count == 1
    assert found.notes == ("pyramid.tif has 2 pages, of which only the first is taken.",)
    (tmp_path / "film.gif").write_bytes(picture(sizes[0], "GIF", [sizes[0] + 99]))
    assert open_dataset("folder", root=tmp_path).notes == ("film.gif has 2 frames, of which only the first is taken.",)


def test_a_film_that_breaks_off_gives_the_frames_before_and_says_so() -> None:
    pages = [RANDOM.integers(0, 256, (40, 40), dtype=np.uint8) for _ in range(6)]
    content = picture(pages[0], "TIFF", pages[1:])
    found = look("cut.tif", content[: len(content) * 2 // 3])
    assert 1 <= found.count < 6


def test_the_parts_of_a_file_as_keras_saves_it_are_opened_by_their_names(home: Path, tmp_path: Path) -> None:
    labels = RANDOM.integers(0, 10, 50)
    files = {
        "keras": npz(x_train=GREY, y_train=labels, x_test=GREY[:10], y_test=labels[:10]),
        "medmnist": npz(
            train_images=GREY,
            val_images=GREY[20:25],
            test_images=GREY[:10],
            train_labels=labels[:, None],
            val_labels=labels[:5, None],
            test_labels=labels[:10, None],
        ),
    }
    for name, content in files.items():
        found = look(f"{name}.npz", content)
        assert found.count == 50 and "These are those of train; --split" in found.notes[0]
        assert "is not used" in found.notes[1] and "'factors'" in found.notes[1]
        one = intake.store_set(found, name)
        assert {"train", "test"} <= set(DATASETS[one.key].splits)
        for data, root in ((one.key, None), ("npz", tmp_path / "a.npz")):
            (tmp_path / "a.npz").write_bytes(content)
            train = open_dataset(data, root=root)
            assert np.array_equal(train.images(range(50))[:, 0].numpy(), GREY)
            test = open_dataset(data, root=root, split="test")
            assert np.array_equal(test.images(range(10))[:, 0].numpy(), GREY[:10])
    assert np.array_equal(open_dataset("own:medmnist", split="val").images([0])[0, 0].numpy(), GREY[20])
    with pytest.raises(UserError, match="has no split 'val', only train, test"):
        open_dataset("own:keras", split="val")
    (tmp_path / "b.npz").write_bytes(npz(images=GREY))
    with pytest.raises(UserError, match="has no part 'test', only one array of images"):
        open_dataset("npz", root=tmp_path / "b.npz", split="test")


def test_labels_and_other_arrays_that_nothing_is_made_of_are_named() -> None:
    labels = RANDOM.integers(0, 10, 50)
    found = look("a.npz", npz(images=GREY, labels=labels, mean=np.zeros(3)))
    assert found.notes[0].startswith("labels is not used: whole numbers from 0 up")
    assert found.notes[1] == "mean is not used."
    assert look("b.npz", npz(x=GREY, y=labels)).notes[0].startswith("y is not used")
    kept = look("c.npz", npz(images=GREY, factors=labels))
    assert not any("not used" in note for note in kept.notes)


def test_folders_that_may_be_classes_are_named_with_their_counts(tmp_path: Path) -> None:
    files = {f"{kind}/{n}.png": picture(GREY[n + 9 * (kind == "dogs")]) for kind in ("cats", "dogs") for n in range(4)}
    for found in (look("z.zip", zipped(files | {"labels.csv": b"a,b\n1,2"})), in_folder(tmp_path, files)):
        assert found.count == 8
        assert "2 folders: cats (4), dogs (4)" in found.notes[0] and "not kept" in found.notes[0]
    assert not look("z.zip", zipped({k.replace("dogs", "cats/more"): v for k, v in files.items() if "cats" in k})).notes
    tabled = look("z.zip", zipped(files | {"labels.csv": b"a,b\n1,2"}))
    assert any(note.startswith("labels.csv is not used, since it is a table") for note in tabled.notes)


def in_folder(root: Path, files: dict[str, bytes]) -> intake.PictureSet:
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    return intake.look_at_folder(root)


IDX = struct.pack(">4i", 2051, 50, 28, 28) + GREY.tobytes()


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("train-images-idx3-ubyte", IDX, "is an IDX file, as MNIST's are, of 50 x 28 x 28 values"),
        ("shapes.h5", b"\x89HDF\r\n\x1a\n" + bytes(500), "is an HDF5 file"),
        ("without-ending", b"\x89HDF\r\n\x1a\n" + bytes(500), "is an HDF5 file"),
        ("a.mat", b"MATLAB 5.0 MAT-file" + bytes(200), "is a MATLAB file"),
        ("a.pkl", b"\x80\x04\x95" + bytes(20), "is a pickle, which is never opened"),
        ("a.tar.gz", b"\x1f\x8b\x08" + bytes(20), "is packed by gzip"),
        ("scan.dcm", bytes(128) + b"DICM", "is a DICOM file"),
        ("face.pgm", b"P5 2 2 255\nabcd", "is a picture of Netpbm"),
        ("images", npy(GREY), "is a NumPy array: give it by itself, with the ending .npy"),
    ],
)
def test_a_file_of_another_kind_is_told_what_it_is_and_what_would_be_right(
    name: str, content: bytes, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        look(name, content)
    assert f"{name} {said}" in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_among_pictures_is_told_to_come_by_itself(tmp_path: Path) -> None:
    found = in_folder(tmp_path, {"a.png": picture(GREY[0]), "b.png": picture(GREY[1]), "table.csv": b"a,b\n1,2\n"})
    assert any("is a table: give it by itself" in note for note in found.notes)
    with pytest.raises(UserError, match="table file by itself"):
        intake.look_at_files([("a.png", io.BytesIO(picture(GREY[0]))), ("t.csv", io.BytesIO(b"a,b\n1,2\n3,4\n"))])


def test_flat_images_are_told_their_shape() -> None:
    with pytest.raises(UserError, match=r"reshape it to \(50, 28, 28\)"):
        look("flat.npy", npy(GREY.reshape(50, -1)))


def test_notes_are_printed_by_the_shell_and_kept_with_the_set(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "twelve.png"
    file.write_bytes(picture(RANDOM.integers(0, 4096, (40, 40)).astype(np.uint16)))
    added = CliRunner().invoke(main, ["images", "add", str(file), "twelve"])
    assert added.exit_code == 0 and "of 65,535" in added.output, added.output
    [note] = own.find("twelve").card.notes
    assert "of 65,535" in note
    assert "of 65,535" in CliRunner().invoke(main, ["images", "list"]).output
    assert any("of 65,535" in said for said in open_dataset("own:twelve").notes)


def test_a_set_is_called_by_the_hash_of_its_files_as_ever() -> None:
    """Sets that people keep are found again by it."""
    contents = [picture(GREY[n]) for n in range(3)]
    found = look("z.zip", zipped({f"{n}.png": content for n, content in enumerate(contents)}))

    def digest(content: bytes) -> str:
        return hashlib.blake2b(content, digest_size=16).hexdigest()

    assert found.digest == digest("\n".join(sorted(map(digest, contents))).encode())
    arrays = npz(images=GREY)
    assert look("a.npz", arrays).digest == digest(digest(arrays).encode())


def test_a_card_of_an_earlier_version_is_read(home: Path) -> None:
    intake.store_set(look("a.npy", npy(GREY)), "old")
    file = own.find("old").path / "set.json"

    card = json.loads(file.read_text())
    del card["notes"], card["splits"]
    file.write_text(json.dumps(card))
    assert own.find("old").card.splits == ("train",) and len(open_dataset("own:old")) == 50
