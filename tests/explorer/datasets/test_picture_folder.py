"""A folder of a person's own pictures: all kinds are read, and each refusal is named."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from explorer.datasets import folder as folder_module
from explorer.datasets import open_dataset
from explorer.errors import UserError

RED, WHITE = (200, 30, 30), (255, 255, 255)


def picture(width: int = 40, height: int = 40, colour: object = RED, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), colour)  # type: ignore[arg-type]


def quarters() -> Image.Image:
    """Red, green, blue and white quarters, from the top left by rows."""
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20, :20], pixels[:20, 20:] = (255, 0, 0), (0, 255, 0)
    pixels[20:, :20], pixels[20:, 20:] = (0, 0, 255), (255, 255, 255)
    return Image.fromarray(pixels)


def read(folder: Path, size: int = 8, channels: int | None = 3) -> Tensor:
    data = open_dataset("folder", root=folder, size=size, channels=channels)
    return data.images(range(len(data)))


def huge_png(side: int = 20_000) -> bytes:
    """A valid header of a picture far too large, and little else."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    start = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def test_pictures_of_any_size_and_shape_become_equal_squares_in_order_of_name(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    picture(100, 30, (10, 20, 30)).save(tmp_path / "b" / "wide.png")
    picture(30, 100, (40, 50, 60)).save(tmp_path / "c.bmp")
    picture(3, 5, (70, 80, 90)).save(tmp_path / "a.tiff")
    data = open_dataset("folder", root=tmp_path)
    assert data.shape == (3, 64, 64) and len(data) == 3 and data.notes == ()
    corner = data.images(range(3))[:, :, 0, 0].tolist()
    assert corner == [[70, 80, 90], [10, 20, 30], [40, 50, 60]]


def test_three_bad_files_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("I am not a picture")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8))
    noise.save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:2000])
    (tmp_path / "huge.png").write_bytes(huge_png())
    picture().save(tmp_path / "good.png")
    data = open_dataset("folder", root=tmp_path)
    assert len(data) == 1
    assert len(data.notes) == 3
    cut, huge, text = data.notes
    assert cut.startswith("cut.jpg was left out: it is damaged")
    assert huge == "huge.png was left out: it has more than 40 million pixels."
    assert text.startswith("text.png was left out: it is not a PNG")


def test_when_nothing_is_left_the_reasons_are_told(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("I am not a picture")
    (tmp_path / "huge.png").write_bytes(huge_png(8000))
    with pytest.raises(UserError) as caught:
        open_dataset("folder", root=tmp_path)
    message = str(caught.value)
    assert "huge.png has more than 40 million pixels" in message
    assert "text.png is not a PNG" in message and "\n" not in message


def test_an_empty_an_absent_and_a_false_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no pictures"):
        open_dataset("folder", root=tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        open_dataset("folder", root=tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="this is a file"):
        open_dataset("folder", root=tmp_path / "file")


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photograph_is_turned_upright_as_its_exif_says(turn: int, tmp_path: Path) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = quarters().transpose(undo[turn]) if turn > 1 else quarters()
    exif = Image.Exif()
    exif[0x0112] = turn
    stored.save(tmp_path / "a.png", exif=exif)
    corners = read(tmp_path)[0][:, [0, 0, -1, -1], [0, -1, 0, -1]].T.tolist()
    assert corners == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]


def test_unreadable_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")
    assert len(read(tmp_path)) == 1


def test_what_is_transparent_is_laid_on_white(tmp_path: Path) -> None:
    picture(colour=(200, 30, 30, 0), mode="RGBA").save(tmp_path / "a.png")
    picture(colour=(100, 0), mode="LA").save(tmp_path / "b.png")
    palette = picture(colour=0, mode="P")
    palette.putpalette([10, 20, 30])
    palette.save(tmp_path / "c.png", transparency=0)
    picture(colour=(0, 0, 0, 128), mode="RGBA").save(tmp_path / "d.webp", lossless=True)
    means = read(tmp_path).float().mean((2, 3))
    assert means[:3].tolist() == [[255.0] * 3] * 3
    assert means[3].tolist() == pytest.approx([127] * 3, abs=1)


def test_16_bit_pictures_keep_their_greys(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None], 64, 0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    Image.fromarray(ramp).save(tmp_path / "b.tiff")
    Image.fromarray(ramp.astype(np.int32)).save(tmp_path / "c.tiff")
    Image.fromarray((ramp / 65535).astype(np.float32)).save(tmp_path / "d.tiff")
    for image in read(tmp_path, size=64, channels=1):
        assert np.abs(image[0].numpy().astype(float) - ramp / 257).max() <= 1


def test_floats_outside_0_to_1_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 7.5, np.float32)).save(tmp_path / "a.tiff")
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(tmp_path / "b.tiff")
    Image.fromarray(np.full((8, 8), 10**6, np.int32)).save(tmp_path / "c.tiff")
    with pytest.raises(UserError, match=r"a\.tiff has float values from 7\.5.*b\.tiff.*c\.tiff"):
        open_dataset("folder", root=tmp_path)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    quarters().convert(mode).save(tmp_path / f"a.{suffix}")
    converted = quarters().convert(mode).convert("RGB")
    expected = np.asarray(converted.resize((4, 4), Image.Resampling.BILINEAR)).astype(int)
    found = read(tmp_path, size=4)[0].permute(1, 2, 0).numpy().astype(int)
    inside = np.abs(found - expected)[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert inside.max() <= (25 if mode != "L" else 1)


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    later = [picture(colour=WHITE), picture(colour=(0, 0, 255))]
    picture().save(tmp_path / "a.gif", save_all=True, append_images=later)
    assert read(tmp_path)[0, :, 0, 0].tolist() == list(RED)


def test_grey_pictures_give_one_channel_unless_one_has_colour(tmp_path: Path) -> None:
    picture(colour=90, mode="L").save(tmp_path / "a.png")
    picture(colour=(7, 7, 7)).save(tmp_path / "b.png")
    assert open_dataset("folder", root=tmp_path).shape == (1, 64, 64)
    assert open_dataset("folder", root=tmp_path, channels=3).shape == (3, 64, 64)
    picture().save(tmp_path / "c.png")
    assert open_dataset("folder", root=tmp_path).shape == (3, 64, 64)
    assert open_dataset("folder", root=tmp_path, channels=1).shape == (1, 64, 64)


def test_the_square_is_cut_from_the_centre(tmp_path: Path) -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read(tmp_path, size=20).min() == 255


def test_a_large_jpeg_is_made_small_as_pillow_would(tmp_path: Path) -> None:
    y, x = np.mgrid[0:600, 0:600] / 600
    smooth = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x * y)], -1)
    Image.fromarray((smooth * 255).astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as whole:
        expected = np.asarray(whole.resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    found = read(tmp_path, size=32)[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() <= 3


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    picture().save(outside / "secret.png")
    picture().save(inside / "own.png")
    (inside / "file.png").symlink_to(outside / "secret.png")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "same.png").symlink_to(inside / "own.png")
    data = open_dataset("folder", root=inside)
    assert len(data) == 2
    assert [note.split(" ")[0] for note in data.notes] == ["file.png", "folder"]
    assert all("leaves the folder" in note for note in data.notes)


def test_pipes_and_broken_links_do_not_stop_the_reading(tmp_path: Path) -> None:
    picture().save(tmp_path / "own.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    data = open_dataset("folder", root=tmp_path)
    assert len(data) == 1
    assert [note.split(" ")[0] for note in data.notes] == ["gone.png", "pipe.png"]


def test_other_files_and_hidden_ones_are_passed_over_in_silence(tmp_path: Path) -> None:
    picture().save(tmp_path / "own.png")
    (tmp_path / "README.txt").write_text("about")
    (tmp_path / "labels.csv").write_text("a,b")
    (tmp_path / "._own.png").write_bytes(b"resource fork")
    (tmp_path / ".cache").mkdir()
    picture().save(tmp_path / ".cache" / "thumb.png")
    data = open_dataset("folder", root=tmp_path)
    assert len(data) == 1 and data.notes == ()


def test_a_picture_is_known_by_its_content_and_a_known_kind_by_its_name(tmp_path: Path) -> None:
    picture().save(tmp_path / "photo", format="PNG")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    data = open_dataset("folder", root=tmp_path)
    assert len(data) == 1
    assert "phone.heic was left out: it is not a PNG" in data.notes[0]


def test_hundreds_of_refusals_are_counted(tmp_path: Path) -> None:
    picture().save(tmp_path / "own.png")
    for number in range(230):
        (tmp_path / f"{number:03}.jpg").write_text("no")
    notes = open_dataset("folder", root=tmp_path).notes
    assert len(notes) == folder_module.MAX_NAMED + 1
    assert notes[-1] == "180 more files were left out (230 in all)."


def test_names_that_cannot_be_printed_are_printed_all_the_same(tmp_path: Path) -> None:
    picture().save(tmp_path / "own.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[31m.png")).write_text("no")
    (note,) = open_dataset("folder", root=tmp_path).notes
    assert "\x1b" not in note
    note.encode("utf-8")


def test_identity_follows_the_pixels_and_not_the_names(tmp_path: Path) -> None:
    for name, colour in {"a": RED, "b": RED, "c": WHITE}.items():
        (tmp_path / name).mkdir()
        picture(colour=colour).save(tmp_path / name / f"{name}.png")
    a, b, c = (open_dataset("folder", root=tmp_path / name).identity for name in "abc")
    assert a == b != c


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"]),
    place=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=8),
)
def test_any_damage_gives_a_picture_or_a_sentence(kind: str, place: float, junk: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    quarters().save(path, format=kind)
    content = bytearray(path.read_bytes())
    start = int(place * (len(content) - 1))
    content[start : start + len(junk)] = junk
    path.write_bytes(content)
    try:
        images = read(tmp_path)
    except UserError as error:
        assert "a.png" in str(error)
    else:
        assert images.shape == (1, 3, 8, 8) and images.dtype == torch.uint8
