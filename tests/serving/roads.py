"""How a visitor and a member attack a served app: a function a road, which fails where it leads somewhere."""

from __future__ import annotations

import io
import os
import socket
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from .attacker import Attack
from .driving import Session, click, given
from .lab import LAUNCH
from .wide import WIDE


def png(width: int, height: int, mark: int = 0, between: bytes = b"") -> bytes:
    """Black, with one row that makes it another picture; `between`: further chunks."""
    row = bytes((width + 7) // 8 + 1)
    first = b"\0" + struct.pack(">L", mark).ljust(len(row) - 1, b"\0")[: len(row) - 1]
    packer = zlib.compressobj(1)
    pixels = packer.compress(first) + b"".join(packer.compress(row) for _ in range(height - 1))
    head = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 1, 0, 0, 0, 0))
    body = chunk(b"IDAT", pixels + packer.flush()) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + between + body


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def zipped(contents: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents.items():
            made.writestr(name, content)
    return file.getvalue()


def overlapped(count: int, content: bytes) -> bytes:
    """A zip that lists the same bytes `count` times."""
    crc, size = zlib.crc32(content), len(content)
    fields = (20, 0, 0, 0, 33, crc, size, size, 5, 0)
    local = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", *fields) + b"a.png" + content
    entry = struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", 20, *fields, 0, 0, 0, 0, 0) + b"a.png"
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(entry) * count, len(local), 0)
    return local + entry * count + end


def bmp(number: int) -> bytes:
    """3 MB that pack to a hundredth, each another picture."""
    file = io.BytesIO()
    row = np.random.default_rng(number).integers(0, 256, (1, 1000, 3), dtype=np.uint8)
    Image.fromarray(np.repeat(row, 1000, 0)).save(file, "BMP")
    return file.getvalue()


def two_lengths(attack: Attack) -> None:
    """Content-Length beside chunks, lengths that lie, and none."""
    with Session(attack.member) as session:
        session.run("library", "show=images")
        token, path = (attack.member.cookies["_streamlit_xsrf"], f"/_stcore/upload_file/{session.id}/x")
        cookies = "; ".join(f"{c.name}={c.value}" for c in attack.member.cookies.jar)
        body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + bytes(300_000)
        body += b"\r\n--b--\r\n"
        for headers in (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nContent-Length: 9\r\n",
        ):
            head = (
                f"PUT {path} HTTP/1.1\r\nHost: localhost:{attack.lab.port}\r\nX-Xsrftoken: {token}\r\n"
                f"Cookie: {cookies}\r\nContent-Type: multipart/form-data; boundary=b\r\n{headers}\r\n"
            ).encode()
            with socket.create_connection(("127.0.0.1", attack.lab.port), timeout=60) as wire:
                wire.sendall(head + (b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if "chunked" in headers else body))
                said = wire.recv(4096)
            assert b" 204 " not in said.split(b"\r\n")[0], (headers, said[:200])


def uploads_and_removals(attack: Attack) -> None:
    """The member fills the server's memory, and frees it again."""
    with Session(attack.member) as session:
        session.run("library", "show=images")
        for _ in range(3):
            file = session.upload(os.urandom(300_000), "x.png")
            assert not file or session.remove(file) == 204


def another_persons_session(attack: Attack) -> None:
    """A visitor who knows the member's session puts files into it, and takes them away."""
    with Session(attack.member) as session, Session(attack.visitor) as stranger:
        session.run("library", "show=images")
        stranger.run("library", "show=images")
        assert stranger.upload(bytes(1000), "x.png") == ""
        stranger.id = session.id
        assert stranger.upload(bytes(1000), "x.png") == "" and stranger.remove("x") == 403


def unpacked_and_not_kept(attack: Attack) -> None:
    """Zips that unpack to a hundred times their size are looked at, and the tab is closed."""
    start = attack.rng.randrange(1 << 30)
    attack.look(zipped({f"{n}.bmp": bmp(start + n) for n in range(12)}), "a.zip")


def closed_meanwhile(attack: Attack) -> None:
    """The tab is closed while the server looks."""
    start = attack.rng.randrange(1 << 30)
    with Session(attack.member) as session:
        seen = session.run("library", "show=images")
        file = session.upload(zipped({f"{n}.png": png(6000, 6000, start + n) for n in range(60)}), "a.zip")
        if file:
            session.run("library", "show=images", [given(seen.uploader, {file: "a.zip"})], until_button="Stop")


def stopped(attack: Attack) -> None:
    """The member stops a look by its button."""
    start = attack.rng.randrange(1 << 30)
    with Session(attack.member) as session:
        seen = session.run("library", "show=images")
        file = session.upload(zipped({f"{n}.png": png(6000, 6000, start + n) for n in range(300)}), "a.zip")
        if not file:
            return
        files = given(seen.uploader, {file: "a.zip"})
        looking = session.run("library", "show=images", [files], until_button="Stop")
        if "Stop" in looking.buttons:
            seen = session.run("library", "show=images", [files, click(looking.buttons["Stop"])])
            said = seen.words
            assert "Stopped" in said or "Looking" not in said, said


def same_bytes_many_times(attack: Attack) -> None:
    """A zip of some kilobytes that lists one large picture 5,000 times over the same bytes."""
    said = attack.look(overlapped(5_000, png(6000, 6000)), "a.zip")
    assert not said or "overlap" in said, said


def absurd_pictures(attack: Attack) -> None:
    """One pixel wide, a hundred thousand texts, many frames, many pixels of few bytes."""
    text = chunk(b"tEXt", b"a\0b")
    film = io.BytesIO()
    frames = [Image.new("L", (1500, 1500), n % 256) for n in range(40)]
    frames[0].save(film, "GIF", save_all=True, append_images=frames[1:])
    start = attack.rng.randrange(1 << 30)
    for content, name in (
        (png(1, 39_000_000 // 20), "a.png"),
        (png(9, 9, 0, text * 100_000), "b.png"),
        (film.getvalue(), "c.gif"),
        (zipped({f"{n}.png": png(6000, 6000, start + n) for n in range(80)}), "d.zip"),
    ):
        attack.look(content, name)


def arrays_that_unpack(attack: Attack) -> None:
    """An array file of a few kilobytes that unpacks to 300 times as much."""
    file = io.BytesIO()
    np.savez_compressed(file, images=np.zeros((60_000, 64, 64), np.uint8))
    attack.look(file.getvalue(), "a.npz")


def runs_beyond_the_limit(attack: Attack) -> None:
    """Clicks on Launch, also such as no page would send, and by the visitor."""
    with Session(attack.member) as session:
        seen = session.run("train", LAUNCH)
        for number in range(3):
            name = f"{LAUNCH}&name=run-{attack.rng.randrange(1 << 40):x}-{number}"
            session.run("train", name, [click(seen.buttons["Launch"])])
        with Session(attack.visitor) as stranger:
            stranger.run("train", LAUNCH)
            stranger.run("train", LAUNCH, [click(seen.buttons["Launch"])])


def damaged_models(attack: Attack) -> None:
    """Files of all kinds that the fuzzer makes, given to the importer."""
    from tests.fuzz.formats import change_bytes, make_formats

    with tempfile.TemporaryDirectory() as folder:
        formats = make_formats(Path(folder) / "valid", Path(folder) / "trap")
        for name in attack.rng.sample(sorted(formats), 2):
            chosen = formats[name]
            files = dict(chosen.files)
            victim = attack.rng.choice(list(chosen.mutations))
            way = attack.rng.choice([change_bytes, *chosen.mutations[victim]])
            files[victim] = way(files[victim], attack.rng)
            look_at_model(attack, {f if "." in f else f"{f}.pt": c for f, c in files.items()})
        assert not (Path(folder) / "trap").exists()


def look_at_model(attack: Attack, files: dict[str, bytes]) -> str:
    """Give a model's files to the importer as the member and have it looked at; what the page said."""
    with Session(attack.member) as session:
        seen = session.run("library", "show=import")
        ids = {session.upload(content, name): name for name, content in files.items()}
        if "" in ids:
            attack.refused += 1
            return ""
        state = given(seen.uploader, ids)
        seen = session.run("library", "show=import", [state])
        if "Look at it" not in seen.buttons:
            return seen.words
        return session.run("library", "show=import", [state, click(seen.buttons["Look at it"])]).words


def forged_models(attack: Attack) -> None:
    """Torch files that claim what is not in them, and files that would become gigabytes."""
    from tests.explorer.importing.test_bombs import BOMBS
    from tests.fuzz.forged import forge

    content, _ = forge(attack.rng, legacy=attack.rng.random() < 0.5)
    look_at_model(attack, {"model.pt": content})
    bomb = BOMBS[attack.rng.choice([n for n, bomb in BOMBS.items() if len(bomb) < 4_900_000])]
    look_at_model(attack, {"m.onnx" if bomb[:1] == b"\x08" else "m.pt": bomb})


def wide_model(attack: Attack) -> None:
    """A model of some kB whose layers are as wide as may be: looked at, traversed, taken away; and left meanwhile."""
    with Session(attack.visitor) as session:
        seen = session.run("", f"model={WIDE}&count=10&start=sample", until_file="Traversal, MP4")
        for label in attack.rng.sample(sorted(f for f in seen.files if "Traversal" in f), 1):
            session.film(seen.files[label])
    with Session(attack.visitor) as left:
        left.ask("", f"model={WIDE}&start=sample&seed={attack.rng.randrange(1 << 30)}")
    folder = attack.lab.home / "library" / WIDE
    files = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    look_at_model(attack, files)


def numbers_in_addresses(attack: Attack) -> None:
    """Numbers without end, and of no kind, where pages take them from the address."""
    huge = attack.rng.choice(
        ("9" * 4000, "1e999", "-1e999", "nan", "1" + "0" * 400, "0x7f", "\u0663", "1,", "[" * 9000)
    )
    pages = {
        "": ("count", "seed", "image", "z", "span", "quantile"),
        "train": ("steps", "beta", "size"),
        "compare": ("count", "seed", "sample"),
        "theory": ("beta",),
        "measure": ("count",),
        "insight": ("count", "kept", "image"),
    }
    for page, names in pages.items():
        with Session(attack.visitor) as session:
            session.run(page, "&".join(f"{name}={huge}" for name in names))


def damaged_runs(attack: Attack) -> None:
    """A run whose log and state are deeply nested, or of odd types, looked at by the visitor."""
    from tests.fuzz.formats import change_json
    from tests.fuzz.runs import LINES

    runs = attack.lab.home / "runs"
    strange = runs / "strange"
    strange.mkdir(parents=True, exist_ok=True)
    line = attack.rng.choice([line for line in LINES if len(line) < 1_000_000])
    (strange / "metrics.jsonl").write_bytes(line + b"\n")
    state = b'{"version": 1, "status": "finished", "step": 3, "steps": 3, "seconds": 1.5}'
    (strange / "state.json").write_bytes(change_json(state, attack.rng)[:100_000])
    (strange / "config.json").write_bytes(change_json(b'{"data": "dsprites", "beta": 4.0}', attack.rng)[:100_000])
    with Session(attack.visitor) as session:
        session.run("train", "run=strange")
        session.run("library", "")


def damaged_images(attack: Attack) -> None:
    """Pictures, zips and arrays that the fuzzer makes, looked at."""
    from tests.fuzz import images

    for name in images.FORMATS:
        file, content = attack.rng.choice(images.VALID[name]())
        mutated = attack.rng.choice(images.MUTATIONS[name])(content, attack.rng)
        attack.look(mutated[:4_900_000], file)  # what one upload may have


ROADS: tuple[Callable[[Attack], None], ...] = (
    two_lengths, uploads_and_removals, another_persons_session, unpacked_and_not_kept, closed_meanwhile,
    stopped, same_bytes_many_times, absurd_pictures, arrays_that_unpack, runs_beyond_the_limit,
    damaged_models, damaged_images, forged_models, wide_model, numbers_in_addresses, damaged_runs,
)  # fmt: skip
