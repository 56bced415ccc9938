"""What taking in strangers' images may cost: disk, memory and a processor's time, counted as they are taken."""

from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer import access, paths, stages
from explorer.datasets import archives, budget, intake, own, picture_files, picture_set
from explorer.datasets.fair_queue import Turns
from explorer.errors import UserError
from explorer.policy import ACCESS_FILE, Person
from explorer.ui.sign_in import who

ADA = Person("ada@lab.test", "member")
PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def home(empty_home: Path) -> Iterator[Path]:
    empty_home.mkdir()
    yield empty_home
    access.asked_by(who)


@pytest.fixture
def member(home: Path) -> Callable[[str], None]:
    """Be Ada, under these limits."""

    def become(limits: str) -> None:
        (home / ACCESS_FILE).write_text(f"[limits]\n{limits}")
        access.asked_by(lambda: ADA)

    return become


def png(width: int = 40, height: int = 40, shade: int = 90, mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), shade).save(file, "PNG")
    return file.getvalue()


def zipped(contents: dict[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents.items():
            made.writestr(name, content)
    return file


def look(contents: dict[str, bytes], progress: Callable[[int], None] = lambda n: None) -> intake.PictureSet:
    return intake.look_at_files([("a.zip", zipped(contents))], progress)


def staged() -> list[Path]:
    return [p for root in (own.sets_root(), paths.library()) for p in root.glob(f"{stages.PREFIX}*")]


def bmp(number: int) -> bytes:
    """3 MB that pack to a hundredth."""
    file = io.BytesIO()
    noise = np.random.default_rng(number).integers(0, 256, (1, 1000, 3), dtype=np.uint8)
    Image.fromarray(np.repeat(noise, 1000, 0)).save(file, "BMP")
    return file.getvalue()


# --- the disk -----------------------------------------------------------------------------------------


def test_what_is_looked_at_counts_as_the_persons_while_it_is_unpacked_and_is_let_go_where_it_is_too_much(
    member: Callable[[str], None],
) -> None:
    member("disk_mb = 10")
    first = look({"a.bmp": bmp(1), "b.bmp": bmp(2)})
    assert 6_000_000 < access.used(ADA.name) < 6_100_000
    written: list[int] = []

    def progress(done: int) -> None:
        written.append(sum(f.stat().st_size for s in staged() for f in s.rglob("*.bmp")))

    with pytest.raises(UserError, match="each person may keep 10 MB"):
        look({f"{n}.bmp": bmp(n) for n in range(3, 13)}, progress)
    assert max(written) <= 10_000_000  # not all thirty and then a refusal
    assert access.used(ADA.name) < 6_100_000 and [p for p in staged() if p.is_dir()] == [first.stage]
    intake.store_set(first, "kept")  # counted once
    assert staged() == [] and 6_000_000 < access.used(ADA.name) < 6_100_000


def test_many_small_files_count_as_the_blocks_that_they_take(member: Callable[[str], None]) -> None:
    member("disk_mb = 1")
    with pytest.raises(UserError, match="each person may keep 1 MB"):
        look({f"{n}.png": png(9, 9 + n) for n in range(250)})
    assert staged() == []


def test_what_a_killed_process_staged_is_swept_up_by_the_next_one_and_what_lives_is_not(home: Path) -> None:
    mine = look({"a.png": png()})
    code = (
        "import io, time\n"
        "from explorer.datasets import intake\n"
        "from explorer import paths, stages\n"
        f"intake.look_at_files([('a.png', io.BytesIO({png(9, 9)!r}))])\n"
        "stages.new(paths.library())\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "BETA_VAE_HOME": str(home)},
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for root in (own.sets_root(), paths.library()):
            assert stages.sweep_dead(root) == 0
        assert len([p for p in staged() if p.is_dir()]) == 3
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert stages.sweep_dead(own.sets_root()) == 1 and stages.sweep_dead(paths.library()) == 1
    assert [p for p in staged() if p.is_dir()] == [mine.stage]
    intake.let_go(mine)
    assert staged() == []


# --- work ---------------------------------------------------------------------------------------------


def overlapped(count: int, content: bytes) -> io.BytesIO:
    """A zip that lists the same bytes `count` times."""
    file, crc, size = io.BytesIO(), zlib.crc32(content), len(content)
    fields = (20, 0, 0, 0, 33, crc, size, size, 5, 0)
    file.write(struct.pack("<4sHHHHHLLLHH", b"PK\3\4", *fields) + b"a.png" + content)
    start = file.tell()
    entry = struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", 20, *fields, 0, 0, 0, 0, 0)
    for number in range(count):
        file.write(entry + f"{number:05}"[-5:].encode())
    length = file.tell() - start
    file.write(struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count, count, length, start, 0))
    return file


def test_a_zip_whose_entries_share_bytes_is_refused_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_set, "look_at_picture", lambda *a: pytest.fail("it was decoded"))
    with pytest.raises(UserError, match="its entries overlap"):
        intake.look_at_files([("a.zip", overlapped(3, png()))])
    longer = bytearray(zipped({"a.png": png(), "b.png": png(9, 9)}).getvalue())
    at = longer.index(b"PK\x01\x02") + 20
    longer[at : at + 4] = struct.pack("<L", struct.unpack_from("<L", longer, at)[0] + 1)
    with pytest.raises(UserError, match="its entries overlap"):
        intake.look_at_files([("a.zip", io.BytesIO(bytes(longer)))])
    with pytest.raises(UserError, match="its entries overlap"):
        intake.look_at_files([("a.npz", overlapped(3, png()))])
    assert staged() == []


def test_each_content_is_decoded_once_however_often_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = Counter[bytes]()
    whole = picture_files.look_at_picture

    def counted(file: io.BytesIO, *rest: Any) -> picture_files.Looked:
        decoded[file.getvalue()] += 1
        return whole(file, *rest)

    unpacked = Counter[str]()
    read = archives.read_entry
    monkeypatch.setattr(picture_set, "look_at_picture", counted)
    monkeypatch.setattr(intake, "read_entry", lambda a, info: (unpacked.update([info.filename]), read(a, info))[1])
    found = look({f"{n:03}.png": png(shade=n % 3) for n in range(120)} | {f"x{n}.png": b"no" for n in range(40)})
    assert (found.count, found.copies, found.refusals) == (3, 117, 40)
    assert set(decoded.values()) == {1} and len(unpacked) == 4


def test_far_more_pixels_than_the_files_have_bytes_for_end_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "PIXELS", 10_000_000)
    monkeypatch.setattr(budget, "PIXELS_A_BYTE", 20)
    found = look({f"{n}.png": png(1000, 1000, n) for n in range(10)})
    intake.let_go(found)
    with pytest.raises(UserError, match="unpack to more than 10 million pixels, far more than"):
        look({f"{n}.png": png(1000, 1000, n) for n in range(20)})
    film = io.BytesIO()
    frames = [Image.new("L", (1000, 1000), n) for n in range(40)]
    frames[0].save(film, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(UserError, match="far more than"):
        intake.look_at_files([("film.gif", film)])
    assert staged() == []


def test_more_seconds_than_a_person_has_end_in_a_sentence(
    member: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    member("look_seconds = 1")
    monkeypatch.setattr(picture_set, "look_at_picture", busy)
    with pytest.raises(UserError, match="takes more than 1 seconds of a processor"):
        look({f"{n}.png": png(shade=n) for n in range(256)})
    assert staged() == []


def busy(file: io.BytesIO, *rest: Any) -> picture_files.Looked:
    """As much work as a picture may be."""
    begun = time.thread_time()
    while time.thread_time() - begun < 0.1:
        pass
    return picture_files.look_at_picture(file, *rest)


def test_a_look_is_stopped_at_once_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the progress raises ends it, also while large pictures wait for their turn."""

    class Enough(Exception):
        pass

    def stop(done: int) -> None:
        raise Enough

    seen = Counter[str]()
    monkeypatch.setattr(picture_set, "look_at_picture", lambda f, *rest: (seen.update("x"), busy(f, *rest))[1])
    with pytest.raises(Enough):
        look({f"{n}.png": png(shade=n) for n in range(200)}, stop)
    assert seen.total() < 20 and staged() == []
    with picture_files._large.turn("somebody else"), pytest.raises(Enough):
        monkeypatch.setattr(picture_set, "look_at_picture", picture_files.look_at_picture)
        look({"a.png": png(2100, 2100)}, lambda n: stop(n) if waits() else None)
    assert staged() == []


def waits() -> bool:
    return bool(picture_files._large._waiting)


def test_ctrl_c_in_a_shell_leaves_nothing(home: Path, tmp_path: Path) -> None:
    """The process is interrupted in the middle of a look, ends in a sentence, and its stage is gone."""
    file = tmp_path / "a.zip"
    file.write_bytes(zipped({f"{n:04}.png": png(1500, 1500, n % 250) for n in range(250)}).getvalue())
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # which a shell in the background ignores
        "from explorer.datasets import picture_set\n"
        "whole = picture_set.write_picture\n"
        "def write(*a):\n"
        "    whole(*a)\n"
        "    print('begun', flush=True)\n"
        "    sys.stdin.readline()\n"  # the look can't go on before the person's Ctrl-C
        "picture_set.write_picture = write\n"
        "from explorer.cli import main\n"
        f"main(['images', 'add', {str(file)!r}, 'x'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BETA_VAE_HOME": str(home)},
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate("\n" * 300, timeout=400)
    assert process.returncode == 130 and "stopped" in said and "Traceback" not in said, said
    assert staged() == [] and own.sets() == []


def test_turns_go_around_among_persons_however_many_wait_for_one() -> None:
    turns, order = Turns(1), []
    begun, go = threading.Barrier(9), threading.Event()

    def wait(whose: str) -> None:
        begun.wait()
        go.wait()
        with turns.turn(whose):
            order.append(whose)

    with turns.turn("ada"):
        threads = [threading.Thread(target=wait, args=(w,)) for w in "aaaaaabb"]
        for each in threads:
            each.start()
        begun.wait()
        go.set()
        while len(turns._waiting) < 8:
            pass
    for each in threads:
        each.join()
    assert sorted(order[:4]) == ["a", "a", "b", "b"] and order[4:] == ["a"] * 4
    assert not turns._busy and not turns._had


def test_two_looks_go_on_at_a_time_and_one_of_each_person() -> None:
    turns = Turns(2)
    with turns.turn("ada"):

        class Enough(Exception):
            pass

        def impatient() -> None:
            raise Enough

        with pytest.raises(Enough), turns.turn("ada", impatient):
            pytest.fail("a second one of ada's")
        with turns.turn("bob"), pytest.raises(Enough), turns.turn("eve", impatient):
            pytest.fail("a third one")
    with turns.turn("eve", impatient):
        assert list(turns._busy) == ["eve"]


def test_an_array_that_unpacks_to_more_than_a_person_may_open_is_refused_by_its_header(
    member: Callable[[str], None],
) -> None:
    member("array_mb = 1")
    file = io.BytesIO()
    np.savez_compressed(file, images=np.zeros((300, 64, 64), np.uint8))
    with pytest.raises(UserError, match="1 MB of values, and an array may have 1 MB on this server"):
        intake.look_at_files([("a.npz", file)])
    assert staged() == []
