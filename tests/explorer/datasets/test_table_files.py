"""Own tables and signals: what each column becomes is said, and no file is worse than a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer.datasets import intake, open_dataset, own
from explorer.datasets.base import Dataset
from explorer.errors import UserError


@pytest.fixture(autouse=True)
def home(empty_home: Path) -> Path:
    return empty_home


def written(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def in_units(data: Dataset) -> np.ndarray:
    assert data.samples is not None
    offset, gain = (np.array(values) for values in data.samples.scale())
    return np.asarray(offset + gain * data.unit(range(len(data)))[:, 0, 0].numpy())


def test_columns_keep_their_units_and_words_become_categories(tmp_path: Path) -> None:
    path = written(tmp_path, "length (cm),colour,species\n1.5,red,a\n2.5,blue,b\n3.25,red,a\n")
    data = open_dataset("table", root=path)
    assert data.samples is not None
    assert [channel.title for channel in data.samples.channels] == ["length (cm)", "colour: blue", "colour: red"]
    assert in_units(data) == pytest.approx(np.array([[1.5, 0, 1], [2.5, 1, 0], [3.25, 0, 1]]), abs=1e-6)
    assert data.factor_names == ("species",) and data.factors([0, 1, 2])[:, 0].tolist() == [0, 1, 0]


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    text = "id,a,b,c,empty\n" + "".join(f"{i},{i % 3},7,text {i},\n" for i in range(30)) + "30,,7,x,\n"
    data = open_dataset("table", root=written(tmp_path, text))
    assert len(data) == 30 and data.samples is not None
    assert [channel.name for channel in data.samples.channels] == ["a"]
    said = " ".join(data.notes)
    for words in (
        "empty",
        "1 of 31 rows",
        "they only number the rows: id",
        "they never change: b",
        "more than 20 kinds: c",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x;y\n1,5;2\n2,5;3\n"),
        ("a.tsv", "x\ty\n1.5\t2\n2.5\t3\n"),
        ("a.csv", "\ufeffx,y\r\n1.5,2\r\n2.5,3\r\n"),
        ("a.csv", '"x","y"\n" 1.5",2\n2.5,3\n'),
    ],
)
def test_separators_and_decimals_of_other_countries(tmp_path: Path, name: str, text: str) -> None:
    data = open_dataset("table", root=written(tmp_path, text, name))
    assert in_units(data) == pytest.approx(np.array([[1.5, 2], [2.5, 3]]))


def test_a_parquet_file_is_read_as_the_same_table(tmp_path: Path) -> None:
    pd, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    table = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": ["x", "y", "x"]})
    table.to_parquet(tmp_path / "a.parquet")
    table.to_csv(tmp_path / "a.csv", index=False)
    one, other = (open_dataset("table", root=tmp_path / name) for name in ("a.parquet", "a.csv"))
    assert one.samples == other.samples and in_units(one) == pytest.approx(in_units(other))


def test_rows_under_places_in_equal_steps_are_curves(tmp_path: Path) -> None:
    places = ",".join(f"{x:.2f}" for x in np.linspace(0, 2, 21))
    lines = "".join(",".join(str(v) for v in np.arange(21) * k) + f",{'ab'[k % 2]}\n" for k in range(1, 5))
    path = written(tmp_path, f"{places},kind\n{lines}")
    data = open_dataset("signals", root=path)
    assert data.samples is not None and data.samples.axis is not None
    assert (data.samples.axis.first, data.samples.axis.last) == (0, 2) and data.shape == (1, 1, 21)
    assert in_units(data)[2] == pytest.approx(np.arange(21) * 3.0, abs=1e-4)
    assert data.factor_names == ("kind",)
    found = intake.look_at_path(path)
    assert found.kind == "signals"
    one = intake.store_set(found, "my curves")
    again = open_dataset(one.key)
    assert again.samples == data.samples and again.name == "own:my curves"
    assert np.array_equal(again.unit([0, 3]).numpy(), data.unit([0, 3]).numpy())


def test_a_table_without_names_is_read_from_its_first_line_on(tmp_path: Path) -> None:
    data = open_dataset("table", root=written(tmp_path, "1,5\n2,7\n4,6\n"))
    assert len(data) == 3 and in_units(data)[0] == pytest.approx([1, 5])


def test_arrays_of_floats_are_curves_in_their_own_range(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(20, 5, (12, 2, 33)).astype(np.float32)
    np.savez(tmp_path / "a.npz", signals=values, time=np.arange(33) / 10, factors=np.arange(12) % 3)
    data = open_dataset("signals", root=tmp_path / "a.npz")
    assert data.shape == (2, 1, 33) and data.samples is not None and data.samples.axis is not None
    assert data.samples.axis.last == pytest.approx(3.2) and data.factor_sizes == (3,)
    offset, gain = (np.array(one) for one in data.samples.scale())
    back = offset[:, None] + gain[:, None] * data.unit(range(12))[:, :, 0].numpy()
    assert back == pytest.approx(values, abs=1e-4)  # far finer than 1/255 of the range
    np.save(tmp_path / "b.npy", values[:, 0])
    assert intake.look_at_path(tmp_path / "b.npy").kind == "signals"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\x00\x01\x02", "not a text file"),
        ("a.csv", b"a,b\n", "holds no rows"),
        ("a.csv", b"a,b\nx,y\nx,y\n", "no column of numbers or categories that differ"),
        ("a.csv", b"a,b\n1,2\n3,4,5\n6,7\n", "can't be read as a table"),
        ("a.parquet", b"PAR1 but not really", "can't be read as a Parquet file"),
        (
            "a.csv",
            b",".join(b"c%d" % i for i in range(5000)) + b"\n" + b",".join([b"1"] * 5000) + b"\n",
            "5,000 columns",
        ),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        open_dataset("table", root=path)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300) | st.text(alphabet="0123456789.,;\"'\n\t-+eEnaif ", max_size=300).map(str.encode)
)
def test_no_bytes_are_worse_than_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    for kind in ("table", "signals"):
        try:
            data = open_dataset(kind, root=path)
        except UserError as error:
            assert "\n" not in str(error)
        else:
            some = data.unit(range(len(data)))
            assert bool(some.isfinite().all()) and float(some.min()) >= 0 and float(some.max()) <= 1


def test_a_set_that_is_a_table_is_trained_on_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n" + "".join(f"{i % 7},{i * 0.5}\n" for i in range(40)))
    one = intake.store_set(intake.look_at_path(path), "numbers")
    assert one.card.kind == "table" and own.find("numbers").content.name == "table.csv"
    assert open_dataset("own:numbers").shape == (1, 1, 2)
