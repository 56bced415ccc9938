"""Own images: looked at before they are kept, stored once, found by name; what is unsafe is refused."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from explorer import access
from explorer.datasets import DATASETS, archives, intake, open_dataset, own
from explorer.errors import UserError
from explorer.policy import ACCESS_SETTING, OWNER, Person


@pytest.fixture(autouse=True)
def home(empty_home: Path) -> Path:
    return empty_home


def png(width: int = 40, height: int = 40, colour: tuple[int, ...] = (200, 30, 30)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def zipped(**contents: bytes) -> io.BytesIO:
    return archive(list(contents.items()))


def archive(contents: list[tuple[str | zipfile.ZipInfo, bytes]]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents:
            made.writestr(name, content)
    return file


def look(file: io.BytesIO, name: str = "a.zip") -> intake.PictureSet:
    return intake.look_at_files([(name, file)])


def everything(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.name != ".changing")


def test_a_zip_is_looked_at_kept_and_opened_by_its_name(home: Path) -> None:
    found = look(
        archive(
            [
                ("b/wide.png", png(80, 40)),
                ("b/tall.png", png(20, 100, (0, 0, 9))),
                ("c.png", png()),
                ("copy.png", png()),
                ("bad.png", b"no"),
                ("readme.txt", b"hello"),
                ("__MACOSX/._c.png", b"x"),
            ]
        )
    )
    assert (found.count, found.copies, found.cropped) == (3, 1, 2)
    assert found.lost == pytest.approx((1 / 2 + 4 / 5) / 2)
    assert (found.smallest, found.largest) == ((40, 40), (80, 40))
    assert found.refused == (("bad.png", "is not a PNG, JPEG, WebP, BMP, GIF or TIFF picture"),)
    assert np.asarray(Image.open(io.BytesIO(found.sheet))).shape == (64, 3 * 66 - 2, 3)
    one = intake.store_set(found, "my <b>cats</b>")
    data = open_dataset("own:my <b>cats</b>", size=32)
    assert len(data) == 3 and data.shape == (3, 32, 32) and data.name == "own:my <b>cats</b>"
    assert data.images([0]).unique().tolist() == [0, 9]  # in the order of their names in the archive
    assert DATASETS[one.key].title == "my <b>cats</b>" and one.key in DATASETS
    assert one.key not in list(DATASETS)
    with pytest.raises(UserError, match="there are no own images called 'dogs'"):
        own.find("own:dogs")
    with pytest.raises(UserError, match="there is no data set 'own:dogs'"):
        open_dataset("own:dogs")


def test_the_same_images_are_stored_once_whatever_they_are_called(home: Path) -> None:
    first = intake.store_set(look(zipped(**{"a.png": png(), "b.png": png(9, 9)})), "first")
    before = everything(home)
    again = look(zipped(**{"x.png": png(9, 9), "y.png": png(), "z.png": png()}))
    assert own.stored(again.digest) == first
    with pytest.raises(UserError, match="here already, as 'first'"):
        intake.store_set(again, "second")
    intake.let_go(again)
    other = look(zipped(**{"a.png": png(8, 8)}))
    with pytest.raises(UserError, match="images called 'first' already"):
        intake.store_set(other, "first")
    intake.let_go(other)
    assert everything(home) == before
    own.rename("first", "r/é 🎉")
    item = own.discard("r/é 🎉")
    assert own.sets() == [] and own.trashed() == [item]
    assert own.restore(item).name == "r/é 🎉" and len(open_dataset("own:r/é 🎉")) == 2


def evil(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def test_each_unsafe_entry_is_refused_with_its_reason_and_nothing_leaves_the_folder(home: Path, tmp_path: Path) -> None:
    found = look(
        archive(
            [
                ("ok.png", png()),
                ("../../up.png", png()),
                ("/abs.png", png()),
                ("C:\\win.png", png()),
                ("a\\..\\..\\up.png", png()),
                ("inner.zip", zipped(x=b"y").getvalue()),
                (evil("link.png", stat.S_IFLNK | 0o777), b"/etc/passwd"),
                (evil("pipe.png", stat.S_IFIFO | 0o644), b""),
                ("bomb.png", bytes(30_000_000)),
            ]
        )
    )
    assert found.count == 1
    reasons = dict(found.refused)
    assert "absolute path" in reasons["/abs.png"]
    assert sum("leads out" in why or "absolute" in why for why in reasons.values()) == 4
    assert reasons["link.png"] == "is a link" and reasons["pipe.png"] == "is no regular file"
    assert "inside the archive" in reasons["inner.zip"] and "200 times" in reasons["bomb.png"]
    intake.let_go(found)
    assert everything(tmp_path) == []


def test_headers_that_lie_take_no_memory(home: Path) -> None:
    """An entry that says it is short and unpacks to 150 MB, and one that says 5 GB and is nothing."""
    content = archive([("a.png", bytes(150_000_000)), ("b.png", png())]).getvalue()
    lying = bytearray(content)
    at = content.index(b"PK\x01\x02")
    lying[at + 24 : at + 28] = struct.pack("<L", 900_000)
    tracemalloc.start()
    try:
        found = look(io.BytesIO(bytes(lying)))
        assert found.count == 1 and "a.png" in dict(found.refused)
        huge = bytearray(archive([("a.png", png())]).getvalue())
        at = bytes(huge).index(b"PK\x01\x02")
        huge[at + 24 : at + 28] = b"\xfe\xff\xff\xff"
        with pytest.raises(UserError, match="larger than 64 MB"):
            look(io.BytesIO(bytes(huge)))
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_an_archive_of_too_many_entries_is_refused_before_it_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 10)
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda *a: pytest.fail("it was listed"))
    made = io.BytesIO()
    for _ in range(11):
        made.write(b"PK\x01\x02" + bytes(42))
    length = made.tell()
    made.write(b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 11, 11, length, 0, 0))
    with pytest.raises(UserError, match="more than 10 entries"):
        look(made)


VALID = archive([("a.png", png()), ("b/c.png", png(10, 20))]).getvalue()
_arrays = io.BytesIO()
np.savez_compressed(_arrays, images=np.arange(2 * 8 * 8, dtype=np.uint8).reshape(2, 8, 8), factors=np.arange(2))
ARRAYS = _arrays.getvalue()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    whole=st.sampled_from([(VALID, "a.zip"), (ARRAYS, "a.npz")]),
    place=st.floats(0, 1),
    junk=st.binary(max_size=12),
    cut=st.booleans(),
)
def test_any_damage_gives_images_or_a_sentence_and_leaves_nothing(
    whole: tuple[bytes, str], place: float, junk: bytes, cut: bool, home: Path
) -> None:
    content, name = whole
    at = int(place * len(content))
    spoilt = content[:at] + junk + (b"" if cut else content[at + len(junk) :])
    try:
        found = intake.look_at_files([(name, io.BytesIO(spoilt))])
    except UserError as error:
        assert "\n" not in str(error) and str(home) not in str(error)
    else:
        assert 1 <= found.count <= 2
        intake.let_go(found)
    assert everything(home) == []


def test_arrays_are_looked_at_kept_and_opened(home: Path) -> None:
    found = intake.look_at_files([("mine.npz", io.BytesIO(ARRAYS))])
    assert (found.kind, found.count, found.smallest) == ("arrays", 2, (8, 8))
    assert any("factor 1 (2)" in note for note in found.notes)
    intake.store_set(found, "arrays")
    data = open_dataset("own:arrays")
    assert data.shape == (1, 8, 8) and data.factor_sizes == (2,)
    pickled = io.BytesIO()
    np.savez(pickled, images=np.full((2, 8, 8), None))
    with pytest.raises(UserError, match="pickled Python objects, which are never opened"):
        intake.look_at_files([("p.npz", pickled)])


def test_arrays_whose_headers_lie_or_that_are_bombs_are_refused(tmp_path: Path) -> None:
    def with_header(shape: tuple[int, ...], content: bytes) -> io.BytesIO:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
        return zipped(**{"images.npy": header.getvalue() + content})

    for file, wanted in (
        (with_header((5_000_000_000, 1, 1), b"\0" * 64), "not as long as its header says"),
        (with_header((100, 1000, 1000), b"\0" * 100_000_000), "300 times its size"),
    ):
        with pytest.raises(UserError, match=wanted):
            intake.look_at_files([("a.npz", file)])


def test_a_folder_outside_of_the_list_is_refused_whether_or_not_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside = tmp_path / "in", tmp_path / "in-secret"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a.png").write_bytes(png())
    (inside / "way out").symlink_to(outside)
    (inside / "b.png").symlink_to(outside / "a.png")
    policy = tmp_path / "access.toml"
    policy.write_text(f'folders = ["{inside}", "/nowhere"]')
    monkeypatch.setenv(ACCESS_SETTING, str(policy))
    monkeypatch.setattr(access, "_ask", lambda: Person("bob@lab.test", "member"))
    said = set()
    for path in (outside, inside / "way out", inside / ".." / "in-secret", "/etc", "/no/such", outside / "a.png"):
        with pytest.raises(UserError, match="only from the folders") as caught:
            intake.look_at_path(path)
        said.add(str(caught.value).replace(str(path), "PATH"))
    assert len(said) == 1
    found = intake.look_at_path(inside)
    assert found.count == 1 and ("b.png", "is a link that leaves the folder") in found.refused
    policy.write_text("folders = []")
    with pytest.raises(UserError, match="only from the folders"):
        intake.look_at_path(inside)
    monkeypatch.setattr(access, "_ask", lambda: OWNER)
    assert intake.look_at_path(outside).count == 1


@pytest.mark.parametrize("name", ["pipe", "pipe.zip", "pipe.npz", "pi\npe.zip"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="pe.* is not a file") as refused:
        intake.look_at_path(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_files_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(UserError, match=r"a\.zip came together with other files"):
        intake.look_at_files([("b.png", io.BytesIO(png())), ("a.zip", zipped(x=b"y"))])
    with pytest.raises(UserError, match="no picture can be used: x.png is not a PNG"):
        intake.look_at_files([("x.png", io.BytesIO(b"<html>"))])
    with pytest.raises(UserError, match="can't be read as a zip file"):
        look(io.BytesIO(b"PK\x03\x04 and no more"))
    found = intake.look_at_files([("b.png", io.BytesIO(png())), ("é <i>.jpg", io.BytesIO(png(9, 9)))])
    assert sorted(p.name for p in (found.stage / "images").iterdir()) == ["000000-b.png", "000001----i-.jpg"]


def test_a_decompression_bomb_and_a_large_photograph(tmp_path: Path) -> None:
    """A PNG of 20,000 pixels a side is refused by its header; a large JPEG is read at a part of its size."""
    bomb = bytearray(png())
    bomb[16:24] = struct.pack(">II", 20_000, 20_000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    with pytest.raises(UserError, match="more than 40 million pixels"):
        intake.look_at_files([("a.png", io.BytesIO(bytes(bomb)))])
    file = io.BytesIO()
    Image.new("RGB", (8000, 6000), (90, 120, 30)).save(file, "JPEG", quality=30)
    found = intake.look_at_files([("a.jpg", file)])
    assert found.smallest == (8000, 6000)
    file = io.BytesIO()
    Image.new("LA", (5000, 4100)).save(file, "PNG")  # alpha is laid on white, which takes twice the memory
    with pytest.raises(UserError, match="more than 20 million pixels"):
        intake.look_at_files([("a.png", file)])
    file = io.BytesIO()
    Image.new("RGBA", (3000, 2000), (90, 120, 30, 128)).save(file, "PNG")
    assert intake.look_at_files([("a.png", file)]).largest == (3000, 2000)
