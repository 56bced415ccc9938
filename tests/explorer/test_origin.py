"""Where a file is from: put into every kind of file, read again, refused where a byte of it was changed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image

from explorer.checkpoints import ModelConfig, describe, load, save
from explorer.checkpoints.store import build_model
from explorer.cli import main
from explorer.errors import UserError
from explorer.export.films import picture_of
from explorer.export.formats import ExportRequest
from explorer.export.origin_record import Origin, missing, origin, read
from explorer.export.stamps import ENDINGS, origin_of, stamped
from explorer.ui.explore.state import ExploreState

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
COUNT = 100


def picture(kind: str) -> bytes:
    made = io.BytesIO()
    Image.fromarray(PIXELS).save(made, kind)
    return made.getvalue()


def network() -> bytes:
    taken, given_ = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [taken], [given_])
    return bytes(helper.make_model(graph).SerializeToString())


def arrays() -> bytes:
    made = io.BytesIO()
    np.savez(made, codes=PIXELS)
    return made.getvalue()


FILES: dict[str, bytes] = {
    ".png": picture("PNG"),
    ".gif": picture("GIF"),
    ".mp4": b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x0cmdat1234",
    ".html": b"<!doctype html><html><body><p>uuid!\xfe</p></body></html>",
    ".onnx": network(),
    ".csv": b'name,value\n"a, ""b""",1\n"two\nlines",2\n',
    ".npz": arrays(),
    ".md": b"| a |\n| --- |\n",
    ".tex": b"\\begin{tabular}{l}\n\\end{tabular}\n",
}
WHERE = origin(
    "compare", {"model": ["dsprites-beta4", "käse & <b>"], "t": "1,,2"}, [describe("dsprites-beta4")], "dsprites"
)


def test_every_kind_is_tried() -> None:
    assert set(FILES) == set(ENDINGS)


PARAMS = st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=40), max_size=3))


@given(st.sampled_from(sorted(FILES)), PARAMS)
def test_it_is_read_as_it_was_written_and_the_rest_stays(ending: str, params: dict[str, list[str]]) -> None:
    where = origin("explore", params, [describe("scene-beta1")], "scène")
    made = stamped(FILES[ending], ending.upper(), where)
    assert origin_of(made, f"a.b{ending}") == where and where.text().isascii()
    assert where.params == {name: values for name, values in params.items() if values}
    if ending not in (".csv", ".npz"):  # nothing is taken away: what was there is still there, in its order
        rest = iter(made)
        assert all(byte in rest for byte in FILES[ending])


def test_other_programs_read_the_files_as_before() -> None:
    made = {ending: stamped(content, f"x{ending}", WHERE) for ending, content in FILES.items()}
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(made[".png"]))), PIXELS)
    before, after = (np.asarray(Image.open(io.BytesIO(of[".gif"])).convert("RGB")) for of in (FILES, made))
    assert np.array_equal(before, after)
    loaded = onnx.load_model_from_string(made[".onnx"])
    assert {entry.key for entry in loaded.metadata_props} == {"beta-vae-explorer"}
    loaded.ClearField("metadata_props")
    assert loaded == onnx.load_model_from_string(FILES[".onnx"])
    table = pd.read_csv(io.BytesIO(made[".csv"]))
    assert list(table.columns) == ["name", "value", "origin"] and table["value"].tolist() == [1, 2]
    assert len({len(row) for row in csv.reader(io.StringIO(made[".csv"].decode()))}) == 1
    with np.load(io.BytesIO(made[".npz"])) as found:
        assert np.array_equal(found["codes"], PIXELS)


@pytest.mark.parametrize("ending", sorted(FILES))
def test_a_byte_of_it_that_was_changed_is_a_sentence(ending: str) -> None:
    made = stamped(FILES[ending], f"x{ending}", WHERE)
    text = WHERE.text().encode()
    inside = made.find(text[:20]) if made.find(text[:20]) >= 0 else made.find(b"compare")
    assert inside > 0
    for at in range(inside, inside + len(text) // 2, 7):
        changed = bytearray(made)
        changed[at] ^= 1
        try:
            found = origin_of(bytes(changed), f"x{ending}")
        except UserError as error:
            assert str(error)
        else:
            assert found == WHERE  # the byte was none of it, or says the same


@pytest.mark.parametrize("ending", sorted(FILES))
def test_files_without_it_and_files_that_are_none_are_a_sentence(ending: str) -> None:
    for content in (FILES[ending], b"", b"nonsense", FILES[ending][:11], bytes(200)):
        with pytest.raises(UserError):
            origin_of(content, f"x{ending}")
    with pytest.raises(UserError, match="holds no origin"):
        origin_of(b"", "x.exe")


@given(st.binary(max_size=300), st.sampled_from(sorted(FILES)), st.integers(0, 60))
def test_strange_bytes_are_never_more_than_a_sentence(noise: bytes, ending: str, at: int) -> None:
    for content in (noise, FILES[ending][:at] + noise, stamped(FILES[ending], f"x{ending}", WHERE)[: at * 9] + noise):
        try:
            origin_of(content, f"x{ending}")
        except UserError:
            continue


@pytest.mark.parametrize(
    "change",
    [
        {"page": "https://elsewhere.example"}, {"query": "a=1&" * 300}, {"version": "x" * 99}, {"more": 1},
        {"models": [{"name": "a", "hash": "../../etc"}]}, {"page": "../secrets"},
    ],
)  # fmt: skip
def test_what_a_stranger_writes_with_a_right_checksum_is_held_to_its_fields(change: dict[str, Any]) -> None:
    from explorer.export.origin_record import _check

    fields = WHERE.model_dump(mode="json") | change
    with pytest.raises(UserError, match="damaged"):
        read(json.dumps(fields | {"check": _check(fields)}))
    with pytest.raises(UserError):
        read("[" * 30_000)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "a secret folder"))
    torch.manual_seed(3)
    model = build_model(ModelConfig(network="linear", shape=(1, 12, 9), latents=4))
    save(model, "small", training={"objective": "beta", "beta": 1.0, "data": "dsprites", "latents": 4})
    return "small"


def test_one_hundred_pictures_come_back_pixel_for_pixel(small: str) -> None:
    checkpoint = load(small)
    draws = np.random.default_rng(5)
    for _ in range(COUNT):
        z = draws.normal(size=4).round(4)
        made = picture_of(ExportRequest(checkpoint, z, scale=2))
        state = ExploreState(model=small, z=tuple(float(v) for v in z))
        where = origin("explore", {"model": small, "z": ",".join(f"{v:.10g}" for v in z)}, [checkpoint])
        back = origin_of(stamped(made, "p.png", where), "p.png")
        again = ExploreState.model_validate({name: values[0] for name, values in back.params.items()})
        assert again == state and missing(back) == []
        shown = picture_of(ExportRequest(load(again.model or ""), np.array(again.z, float), scale=2))
        assert shown == made


def test_another_model_or_none_is_said(small: str) -> None:
    where = origin("explore", {"model": small}, [describe(small)])
    torch.manual_seed(4)
    save(build_model(ModelConfig(network="linear", shape=(1, 12, 9), latents=4)), small)
    assert missing(where) == ["'small' has other weights here than the file was made with"]
    lost = Origin.model_validate(where.model_dump() | {"models": [{"name": "gone", "hash": "0" * 16}]})
    assert missing(lost) == ["there is no model 'gone' here"]


def test_a_shell_writes_it_prints_it_and_names_no_folder(small: str, tmp_path: Path) -> None:
    run = CliRunner()
    for ending, words in (
        (".png", ["export", small, "--to", "picture", "--z", "1,,0.5"]),
        (".gif", ["export", small, "--to", "gif"]),
        (".html", ["export", small, "--to", "html"]),
        (".onnx", ["export", small, "--to", "onnx"]),
        (".png", ["traverse", "dsprites-beta4", "--count", "20"]),
        (".png", ["insight", "search", "dsprites-beta4", "--image", "3"]),
        (".csv", ["insight", "first-k", "dsprites-beta4", "--count", "10"]),
    ):
        out = tmp_path / f"made{ending}"
        made = run.invoke(main, [*words, "--out", str(out)])
        assert made.exit_code == 0, made.output
        assert b"secret" not in out.read_bytes() and str(tmp_path).encode() not in out.read_bytes()
        told = run.invoke(main, ["origin", str(out), "--json"])
        assert told.exit_code == 0, told.output
        value = json.loads(told.stdout)
        assert value["models"][0]["name"] in words and value["missing"] == []
        assert value["link"].startswith(f"/{'insight' if words[0] == 'insight' else ''}?")
    assert run.invoke(main, ["origin", str(tmp_path / "nothing.png")]).exit_code == 2
