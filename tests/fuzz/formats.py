"""A small valid checkpoint of each format that is read, as the files of a folder, and mutations of their frames."""

from __future__ import annotations

import io
import json
import pickle
import random
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

Files = dict[str, bytes]
HUGE = (-1, 0, 1, 2**31 - 1, 2**32, 5 * 2**30, 2**47, 2**63 - 1, 2**64, 10**30)
DTYPES = ("F32", "F64", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "f32", "", "X" * 500)


Change = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Format:
    """Files of a valid checkpoint, and what can be done to one of them beside changing bytes."""

    files: Files
    mutations: dict[str, list[Change]]


def make_formats(folder: Path, trap: Path) -> dict[str, Format]:
    """Every format. What unpickles `trap` would make a folder there."""
    from explorer.checkpoints import ModelConfig, save
    from explorer.checkpoints.store import build_model
    from tests.fuzz.graphs import kept

    torch.manual_seed(0)
    own = save(
        build_model(ModelConfig(network="linear", shape=(1, 6, 6), latents=2)),
        folder / "own",
        training={"data": "dsprites", "objective": "beta", "beta": 4.0},
    )
    dense = _dense()
    layered = _layered(dense, folder / "layered")
    evil = pickle.dumps(_Trap(str(trap)), protocol=2)
    archive = _torch(dense)
    safetensors: list[Change] = [_headers]
    zipped: list[Change] = [lambda raw, rng: _archives(raw, rng, evil)]
    legacy: list[Change] = [_numbers]
    config: list[Change] = [change_json]
    return {
        "own": Format(_read(own), {"model.safetensors": safetensors, "config.json": config}),
        "layers": Format(_read(layered), {"model.safetensors": safetensors, "config.json": config}),
        "graph": Format(_read(kept(folder / "graph")), {"model.safetensors": safetensors, "config.json": config}),
        "torch": Format({"model.pt": archive}, {"model.pt": zipped}),
        "torch-legacy": Format(
            {"model.pt": _torch(dense, legacy=True)},
            {"model.pt": [*legacy, lambda raw, rng: evil + raw[rng.randrange(len(raw)) :]]},
        ),
        "torch-convolutions": Format({"last": _torch({"net": _convolutions()})}, {"last": zipped}),
        "safetensors": Format({"model.safetensors": to_safetensors(dense)}, {"model.safetensors": safetensors}),
        "specs": Format(_disentangling(), {"specs.json": config, "model.pt": zipped}),
    }


def _read(folder: Path) -> Files:
    return {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}


def _dense() -> dict[str, Tensor]:
    parts = {"fc1": nn.Linear(16, 5), "fc21": nn.Linear(5, 2), "fc22": nn.Linear(5, 2), "fc3": nn.Linear(2, 5)}
    parts["fc4"] = nn.Linear(5, 16)
    return {f"{name}.{key}": t.detach() for name, layer in parts.items() for key, t in layer.state_dict().items()}


def _convolutions() -> dict[str, Tensor]:
    down = nn.Sequential(nn.Conv2d(1, 2, 4, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4))
    back = nn.ConvTranspose2d(2, 1, 4, 2, 1)
    up = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Unflatten(1, (2, 4, 4)), back)
    model = nn.ModuleDict({"encoder": down, "decoder": up})
    return dict(model.state_dict())


def _layered(state: dict[str, Tensor], target: Path) -> Path:
    from explorer.checkpoints import save
    from explorer.importing.finding import read_names

    return save(read_names(state).model(), target)


def _disentangling() -> Files:
    shapes: dict[str, tuple[int, ...]] = {f"decoder.convT{i}": (32, 1 if i == 3 else 32, 4, 4) for i in (1, 2, 3)}
    shapes |= {f"encoder.conv{i}": (32, 1 if i == 1 else 32, 4, 4) for i in (1, 2, 3)}
    shapes |= {"encoder.lin1": (256, 512), "encoder.lin2": (256, 256), "encoder.mu_logvar_gen": (4, 256)}
    shapes |= {"decoder.lin1": (256, 2), "decoder.lin2": (256, 256), "decoder.lin3": (512, 256)}
    state = {}
    for name, shape in shapes.items():
        state[f"{name}.weight"] = torch.zeros(shape)
        state[f"{name}.bias"] = torch.zeros(shape[1] if "convT" in name else shape[0])
    specs = {
        "loss": "betaH",
        "betaH_B": 4,
        "dataset": "mnist",
        "epochs": 3,
        "batch_size": 64,
        "lr": 5e-4,
        "seed": 1,
        "reg_anneal": 100,
        "img_size": [1, 32, 32],
        "latent_dim": 2,
        "rec_dist": "bernoulli",
    }
    return {"model.pt": _torch(state), "specs.json": json.dumps(specs).encode()}


def _torch(value: Any, legacy: bool = False) -> bytes:
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=not legacy)
    return out.getvalue()


class _Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return __import__("os").mkdir, (self.path,)


# --- bytes ------------------------------------------------------------------------------------------


def change_bytes(raw: bytes, rng: random.Random) -> bytes:
    """Truncate, flip, overwrite, repeat, leave out, or put a large number somewhere."""
    data = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 8, 64))):
        at = rng.randrange(max(1, min(len(data), rng.choice((64, 4096, len(data) or 1)))))
        if rng.random() < 0.2:
            at = max(0, len(data) - 1 - at)
        length = rng.choice((1, 4, 8, 64, 1000))
        match rng.randrange(7):
            case 0:
                del data[at:]
            case 1 if data:
                data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
            case 2:
                data[at : at + length] = rng.randbytes(length)
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                del data[at : at + length]
            case 5:
                data[at : at + 8] = struct.pack("<Q", rng.choice(HUGE) % 2**64)
            case 6:
                data[at : at + length] = bytes([rng.choice((0, 0x7F, 0xFF))]) * length
    return bytes(data)


# --- safetensors ------------------------------------------------------------------------------------


def _headers(raw: bytes, rng: random.Random) -> bytes:
    """A header that lies about length, shapes, types and places; doubles; weights that are not finite."""
    length = int.from_bytes(raw[:8], "little")
    header, body = json.loads(raw[8 : 8 + length]), bytearray(raw[8 + length :])
    names = [name for name in header if name != "__metadata__"]
    name = rng.choice(names)
    item = header[name]
    match rng.randrange(10):
        case 0:
            item["shape"] = rng.choice(
                (
                    [],
                    [rng.choice(HUGE)],
                    [2**40, 2**40],
                    [0, 2**40, 2**40],
                    [2**31, 0, 2**47],
                    [1] * 70_000,
                    [[[]]],
                    item["shape"][::-1],
                    [-1],
                    "x",
                    [1.5],
                    [True],
                )
            )
        case 1:
            item["dtype"] = rng.choice(DTYPES)
        case 2:
            item["data_offsets"] = rng.choice(
                ([0, 5 * 2**30], [5, 3], [rng.choice(HUGE)] * 2, [0], "ab", [0, len(body)])
            )
        case 3:
            item["data_offsets"] = header[rng.choice(names)]["data_offsets"]
        case 4:
            header[
                rng.choice(
                    ("../../x", "a" * 9000, "", "9" * 5000, "a." * 4000, "w" + "1" * 500, "network.encoder.99.weight")
                )
            ] = item
        case 5:
            del header[name]
        case 6:
            text = json.dumps(header)
            return _framed(text[:-1].encode() + b"," + text[1:].encode(), bytes(body))
        case 7:
            start = item["data_offsets"][0]
            body[start : start + 4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), -float("inf"), 3e38)))
        case 8:
            return struct.pack("<Q", rng.choice(HUGE) % 2**64) + raw[8:]
        case 9:
            nested = rng.choice((b"[" * 100_000, b'{"a":' * 50_000, b'{"a":' + b"9" * 100_000 + b"}", b"\xff" * 99))
            return _framed(nested, bytes(body))
    return _framed(json.dumps(header).encode(), bytes(body))


def _framed(header: bytes, body: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + body


# --- torch's archives -------------------------------------------------------------------------------


def _archives(raw: bytes, rng: random.Random, evil: bytes) -> bytes:
    """Parts compressed, doubled, renamed, grown; another pickle; numbers in the pickle changed; not finite."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = [(item.filename, archive.read(item)) for item in archive.infolist()]
    table = next(i for i, (name, _) in enumerate(parts) if name.endswith("data.pkl"))
    numbers = [i for i, (name, content) in enumerate(parts) if "/data/" in name and len(content) >= 4]
    packing = zipfile.ZIP_STORED
    number = rng.choice(numbers)
    name, content = parts[number]
    match rng.randrange(11):
        case 0:
            parts[table] = parts[table][0], evil
        case 1:
            parts[table] = parts[table][0], _numbers(parts[table][1], rng)
        case 2:
            parts[table] = parts[table][0], change_bytes(parts[table][1], rng)
        case 3:
            parts.append((rng.choice(("../evil", "/etc/evil", "archive/../../evil", "a\\..\\b")), b"x"))
        case 4:
            parts.append(parts[rng.randrange(len(parts))])
        case 5:
            packing = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
            parts[number] = name, bytes(2**22)
        case 6:
            parts[number] = (name, struct.pack("<f", rng.choice((float("nan"), float("inf"), 3e38))) + content[4:])
        case 7:
            del parts[rng.randrange(len(parts))]
        case 8:
            parts[number] = name, content * rng.choice((0, 2, 100)) + b"x"
        case 9:
            parts[table] = parts[table][0], evil[:-1] + parts[table][1]
        case 10:
            parts.append(("archive/constants.pkl", evil))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as packed:
        for part, value in parts:
            packed.writestr(part, value)
    made = out.getvalue()
    return change_bytes(made, rng) if rng.random() < 0.3 else made


def _numbers(raw: bytes, rng: random.Random) -> bytes:
    """Whole numbers within a pickle (sizes, strides, offsets, counts) replaced by others."""
    places = [i for i, byte in enumerate(raw[:100_000]) if byte in b"KMJ"]
    if not places:
        return raw
    at = rng.choice(places)
    width = {ord("K"): 1, ord("M"): 2, ord("J"): 4}[raw[at]]
    large = b"\x8a\x06" + (5 * 2**30).to_bytes(6, "little")
    others = (b"K\x00", b"K\xff", b"M\xff\xff", b"J\xff\xff\xff\x7f", b"J\xff\xff\xff\xff", b"N", b"\x88", large)
    other = rng.choice(others)
    return raw[:at] + other + raw[at + 1 + width :]


# --- JSON -------------------------------------------------------------------------------------------


def change_json(raw: bytes, rng: random.Random) -> bytes:
    """A value somewhere in it replaced, left out, or put where none belongs."""
    value = json.loads(raw)
    at: Any = value
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = rng.choice(keys)
        if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.7:
            at = at[key]
            continue
        strange: tuple[Any, ...]
        strange = (*HUGE, -1.5, 1e308, None, True, "", "x" * 10_000, [], {}, [[]] * 50, "../../etc/passwd", "\0", "<b>")
        if rng.random() < 0.15:
            del at[key]
        else:
            at[key] = rng.choice(strange)
        if isinstance(at, dict) and rng.random() < 0.1:
            at[rng.choice(("__class__", "x" * 5000, "encoder", ""))] = rng.choice(strange)
        break
    text = json.dumps(value)
    if rng.random() < 0.2:
        deep = rng.choice((500, 50_000))
        number = rng.choice(("9" * 400, "9" * 5000, "1e999", "-1e999", "0." + "1" * 5000, "1e-999", "NaN", "-0"))
        name = json.dumps(rng.choice(("9" * 5000, "\x7f" * 300, "a" * 300_000)))
        text = rng.choice(
            (
                text[:-1],
                text + text,
                text.replace(":", ":NaN,", 1),
                "[" * deep,
                "[" * deep + "]" * deep,
                text.replace(":", ":" + "[" * deep + "]" * deep + ',"more":', 1),
                text.replace(":", ':{"a":' + '{"a":' * deep + "1" + "}" * (deep + 1) + ',"more":', 1),
                text.replace(":", f":{number},{name}:", 1),
                re.sub(r"\d+", number, text, count=1),
                "\ud800".join(text[:9]),
            )
        )
    return text.encode("utf-8", "surrogatepass")
