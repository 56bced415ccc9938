"""Arrays of a person's own: what is understood, and what each wrong file is told."""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from explorer.datasets import in_memory, open_dataset
from explorer.errors import UserError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (5, 12, 12), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (5, 12, 16, 3), dtype=np.uint8)


def saved(folder: Path, **contents: np.ndarray) -> Path:
    path = folder / "a.npz"
    np.savez(path, **contents)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("suffix", ["npz", "npy", "data"])
def test_both_kinds_of_file_are_known_by_their_content(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    with path.open("wb") as file:
        if suffix == "npz":
            np.savez_compressed(file, GREY)
        else:
            np.save(file, GREY)
    data = open_dataset("npz", root=path)
    assert len(data) == 5 and data.shape == (1, 12, 12)
    assert np.array_equal(data.images(range(5))[:, 0].numpy(), GREY)
    assert data.factor_names is None and data.factor_sizes is None
    with pytest.raises(LookupError):
        data.factors([0])


def test_channels_may_be_first_or_last(tmp_path: Path) -> None:
    last = open_dataset("npz", root=saved(tmp_path, images=COLOUR))
    first = open_dataset("npz", root=saved(tmp_path, images=COLOUR.transpose(0, 3, 1, 2)))
    assert last.shape == first.shape == (3, 12, 16)
    assert torch.equal(last.images(range(5)), first.images(range(5)))
    assert last.identity == first.identity


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from([np.dtype(kind) for kind in ("f2", "f4", "f8", ">f4")]),
        st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(5, 8)),
        elements=st.floats(0, 1, width=16),
    )
)
def test_floats_from_0_to_1_become_bytes_by_rounding(values: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        images = open_dataset("npz", root=saved(Path(folder), images=values)).images([0])
    assert np.array_equal(images[0, 0].numpy(), np.rint(values[0].astype(np.float32) * 255))


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_zeros_and_ones_are_black_and_white(dtype: type, tmp_path: Path) -> None:
    data = open_dataset("npz", root=saved(tmp_path, imgs=(GREY > 127).astype(dtype)))
    assert data.images(range(5)).unique().tolist() == [0, 255]


def test_a_fortran_ordered_array_is_read_the_right_way_round(tmp_path: Path) -> None:
    for path in (tmp_path / "a.npy", tmp_path / "b.npz"):
        with path.open("wb") as file:
            (np.save if path.suffix == ".npy" else np.savez)(file, np.asfortranarray(GREY))
        assert np.array_equal(open_dataset("npz", root=path).images([3])[0, 0].numpy(), GREY[3])


def test_another_size_is_the_central_square_resized(tmp_path: Path) -> None:
    data = open_dataset("npz", root=saved(tmp_path, images=COLOUR), size=6)
    square = torch.from_numpy(COLOUR[:, :, 2:14]).permute(0, 3, 1, 2).contiguous()
    expected = torch.nn.functional.interpolate(square, size=6, mode="bilinear", antialias=True)
    assert data.shape == (3, 6, 6)
    assert torch.equal(data.images(range(5)), expected)


def test_colour_can_be_made_grey_and_grey_coloured(tmp_path: Path) -> None:
    grey = open_dataset("npz", root=saved(tmp_path, images=COLOUR), channels=1)
    luma = COLOUR.astype(np.float64) @ [0.299, 0.587, 0.114]
    assert np.abs(grey.images(range(5))[:, 0].numpy() - luma).max() <= 0.51
    colour = open_dataset("npz", root=saved(tmp_path, images=GREY), channels=3)
    assert np.array_equal(colour.images([2])[0].numpy(), np.stack([GREY[2]] * 3))


def test_factors_are_read_with_their_names_and_a_constant_one_is_left_out(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        images=GREY,
        factor_names=np.array(["one", "two", "three"]),
        factors=np.array([[0, 7, 1], [1, 7, 0], [2, 7, 1], [0, 7, 0], [1, 7, 1]], np.uint8),
    )
    data = open_dataset("npz", root=path)
    assert data.factor_names == ("one", "three") and data.factor_sizes == (3, 2)
    assert data.factors([2, 1]).tolist() == [[2, 1], [1, 0]]
    assert data.factors([2]).dtype == torch.int64
    assert any("two" in note for note in data.notes)


def test_a_single_column_of_factors_without_names_will_do(tmp_path: Path) -> None:
    data = open_dataset("npz", root=saved(tmp_path, images=GREY, latents_classes=np.arange(5)))
    assert data.factor_names == ("factor 1",) and data.factor_sizes == (5,)


def test_identity_follows_the_content_and_not_the_path(tmp_path: Path) -> None:
    def identity(folder: str, **contents: np.ndarray) -> str:
        (tmp_path / folder).mkdir()
        return open_dataset("npz", root=saved(tmp_path / folder, **contents)).identity

    other = GREY.copy()
    other[4, 3, 2] ^= 1
    labels = np.arange(5)
    assert identity("a", images=GREY) == identity("b", imgs=GREY)
    assert identity("c", images=GREY) != identity("d", images=other)
    assert identity("e", images=GREY) != identity("f", images=GREY.reshape(5, 6, 24))
    assert identity("g", images=GREY, factors=labels) != identity("h", images=GREY)
    assert identity("i", images=GREY, factors=labels) != identity("j", images=GREY, factors=labels[::-1])


NAN = np.full((2, 8, 8), np.nan, np.float32)


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ({"images": NAN}, "not numbers"),
        ({"images": np.full((2, 8, 8), np.inf)}, "not numbers"),
        ({"images": GREY.astype(np.float32)}, r"floats must lie in \[0, 1\]"),
        ({"images": np.full((2, 8, 8), -0.5)}, r"floats must lie in \[0, 1\]"),
        ({"images": GREY.astype(np.int64)}, "dtype int64"),
        ({"images": GREY.astype(np.uint16)}, "dtype uint16"),
        ({"images": GREY.astype(complex)}, "dtype complex128"),
        ({"images": np.full((2, 8, 8), "x")}, "dtype"),
        ({"images": np.zeros((2, 8, 8), "u1,u1")}, "dtype"),
        ({"images": np.full((2, 8, 8), None)}, "pickled Python objects"),
        ({"images": np.zeros((0, 8, 8), np.uint8)}, "no images"),
        ({"images": np.zeros((2, 0, 8), np.uint8)}, "no images"),
        ({"images": np.zeros((8, 8), np.uint8)}, r"shape \(8, 8\)"),
        ({"images": np.zeros((480, 640, 3), np.uint8)}, "one colour image"),
        ({"images": np.zeros((2, 5, 8, 8), np.uint8)}, "C 1 or 3 is wanted"),
        ({"images": np.zeros((2, 8, 8, 4), np.uint8)}, "C 1 or 3 is wanted"),
        ({"x": GREY, "y": GREY}, "2 arrays that may be images"),
        ({"x": np.arange(3)}, "no array of images"),
        ({"images": GREY, "factors": np.zeros((4, 2), int)}, r"\(5, K\) is wanted"),
        ({"images": GREY, "factors": np.zeros((5, 2))}, "whole numbers"),
        ({"images": GREY, "factors": np.full((5, 1), -1)}, "count from 0"),
        ({"images": GREY, "factors": np.full((5, 1), None)}, "whole numbers"),
        ({"images": GREY, "factors": np.eye(5, 2, dtype=int), "factor_names": np.array(["a"])}, "2 texts"),
        ({"images": GREY, "factors": np.eye(5, 2, dtype=int), "factor_names": np.array(list("aa"))}, "the same name"),
    ],
)
def test_each_wrong_content_is_named_in_one_sentence(
    contents: dict[str, np.ndarray], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        open_dataset("npz", root=saved(tmp_path, **contents))
    assert "a.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_no_array_file_is_refused(tmp_path: Path) -> None:
    for name, content in {
        "empty.npz": b"",
        "text.npy": b"hello, this is text",
        "short.npy": b"\x93NUMPY\x01\x00",
        "cut.npz": saved(tmp_path, images=GREY).read_bytes()[:200],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} can't be read"):
            open_dataset("npz", root=tmp_path / name)
    with pytest.raises(UserError, match="there is no file"):
        open_dataset("npz", root=tmp_path / "absent.npz")
    with pytest.raises(UserError, match="this is a folder"):
        open_dataset("npz", root=tmp_path)


def test_a_cut_off_npy_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, GREY)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="cut off.*720 bytes and 719 are there"):
        open_dataset("npz", root=path)


def test_a_zip_without_arrays_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(UserError, match="holds no arrays"):
        open_dataset("npz", root=path)


def header(shape: tuple[int, ...], dtype: str = "|u1") -> bytes:
    buffer = io.BytesIO()
    description = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


def test_a_bomb_is_refused_from_its_header_before_memory_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header((10**9, 1000, 1000)))
    with pytest.raises(UserError, match="not as long as its header says"):
        open_dataset("npz", root=path)
    (tmp_path / "bomb.npy").write_bytes(header((10**9, 1000, 1000)))
    with pytest.raises(UserError, match="cut off"):
        open_dataset("npz", root=tmp_path / "bomb.npy")


def test_a_header_that_claims_to_be_enormous_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    start = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", start + b" " * 2**22)
    with pytest.raises(UserError, match="can't be read"):
        open_dataset("npz", root=path)


def test_a_shape_with_a_side_of_0_beside_enormous_ones_is_refused(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4611686018427387904), }"
    header += b" " * (118 - len(header)) + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(UserError, match="can't be read"):
        open_dataset("npz", root=tmp_path / "a.npy")


@pytest.mark.parametrize("number", [0x7FFFFFFF, 0x110000, 0xD800])
@pytest.mark.parametrize("order", ["<", ">"])
def test_names_of_numbers_that_are_no_letters_are_refused(tmp_path: Path, number: int, order: str) -> None:
    names = np.array(["ab", "cd"], dtype=f"{order}U2")
    names.view(f"{order}u4")[1] = number
    path = saved(tmp_path, images=GREY, factors=np.eye(5, 2, dtype=int), factor_names=names)
    with pytest.raises(UserError, match="no letter"):
        open_dataset("npz", root=path)


def test_more_than_memory_allows_is_refused_at_a_large_size_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "MAX_BYTES", 2**20)
    path = saved(tmp_path, images=GREY)
    assert len(open_dataset("npz", root=path, size=256)) == 5
    with pytest.raises(UserError, match="would take 5.0 MB of memory, and 1.0 MB is the most"):
        open_dataset("npz", root=path, size=1024)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(["npy", "npz"]), place=st.floats(0, 1), value=st.integers(0, 255))
def test_any_damaged_byte_gives_images_or_a_sentence(kind: str, place: float, value: int, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    (np.save if kind == "npy" else np.savez_compressed)(buffer, GREY[:1, :4, :8])
    content = bytearray(buffer.getvalue())
    content[int(place * (len(content) - 1))] = value
    path = tmp_path / "damaged"
    path.write_bytes(content)
    try:
        data = open_dataset("npz", root=path)
    except UserError as error:
        assert "damaged" in str(error) and "\n" not in str(error)
    else:
        assert data.images([0]).dtype == torch.uint8
