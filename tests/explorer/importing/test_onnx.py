"""A model in ONNX, or a person's own modules, are taken as they are: everywhere the numbers are their own."""

from __future__ import annotations

import io
import logging
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from explorer import paths
from explorer.checkpoints import adopt, load, save
from explorer.cli import main
from explorer.errors import UserError
from explorer.importing.preview import import_checkpoint, preview

pytestmark = pytest.mark.filterwarnings("ignore")
D = 5


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(logging.getLogger("torch.onnx"), "level", logging.ERROR)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(144, 20), nn.ReLU())
        self.mean, self.log_var = nn.Linear(20, D), nn.Linear(20, D)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.mean(h), self.log_var(h)


class Decoder(nn.Module):
    """Passes a layer as wide as the latents, so that no width says where they are."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(D, 20), nn.ReLU(), nn.Linear(20, D), nn.Tanh(), nn.Linear(D, 144))

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.body(z)).view(-1, 1, 12, 12)


class Whole(nn.Module):
    def __init__(self, samples: bool, flat: bool) -> None:
        super().__init__()
        self.encoder, self.decoder, self.samples, self.flat = Encoder(), Decoder(), samples, flat

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_var = self.encoder(x)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_var) if self.samples else mean
        made = self.decoder(z)
        return (made.flatten(1) if self.flat else made), mean, log_var


def exported(module: nn.Module, example: Tensor, new: bool = True, free: bool = True, **more: Any) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if new:
            shapes = ({0: torch.export.Dim("n")},) if free else None
            program = torch.onnx.export(
                module.eval(),
                (example,),
                dynamo=True,
                verbose=False,
                external_data=False,
                dynamic_shapes=shapes,
                **more,
            )
            assert program is not None
            return bytes(program.model_proto.SerializeToString())
        out: Any = io.BytesIO()  # which the older exporter takes as well
        axes = {"x": {0: "n"}} if free else None
        torch.onnx.export(module.eval(), (example,), out, dynamo=False, input_names=["x"], dynamic_axes=axes, **more)
        return out.getvalue()


@pytest.mark.parametrize("free", [True, False], ids=["free-rows", "one-row"])
@pytest.mark.parametrize("new", [True, False], ids=["dynamo", "torchscript"])
@pytest.mark.parametrize(("samples", "flat"), [(True, False), (False, True)], ids=["samples", "flat"])
def test_one_file_of_a_whole_model_is_cut_at_its_latents(
    tmp_path: Path, samples: bool, flat: bool, new: bool, free: bool
) -> None:
    torch.manual_seed(1)
    whole = Whole(samples, flat)
    rows = 3 if free else 1
    example = torch.rand(rows, 144) if flat else torch.rand(rows, 1, 12, 12)
    (tmp_path / "whole.onnx").write_bytes(exported(whole, example, new, free))
    model = load(import_checkpoint(tmp_path / "whole.onnx", "mine")).model
    z, x = torch.randn(4, D), torch.rand(4, 1, 12, 12)
    with torch.no_grad():
        mean, log_var = whole.encoder(x)
        assert torch.allclose(model.decode(z), whole.decoder(z), atol=1e-6)
    assert torch.allclose(model.encode(x).mean, mean, atol=1e-6)
    assert torch.allclose(model.encode(x).log_var, log_var, atol=1e-6)
    assert model.likelihood.name == "bernoulli"


def test_two_files_in_any_order_are_an_encoder_and_a_decoder_and_a_folder_of_them_too(tmp_path: Path) -> None:
    encoder, decoder = Encoder(), Decoder()
    (tmp_path / "a.onnx").write_bytes(exported(encoder, torch.rand(3, 1, 12, 12)))
    (tmp_path / "b.onnx").write_bytes(exported(decoder, torch.rand(3, D)))
    pair = tmp_path / "pair"
    pair.mkdir()
    for name, to in (("a.onnx", "my_encoder.onnx"), ("b.onnx", "my_decoder.onnx")):
        (pair / to).write_bytes((tmp_path / name).read_bytes())
    z = torch.randn(3, D)
    for number, source in enumerate((["a.onnx", "b.onnx"], ["b.onnx", "a.onnx"])):
        result = CliRunner().invoke(main, ["import", *(str(tmp_path / n) for n in source), "--name", f"m{number}"])
        assert result.exit_code == 0, result.output
        assert torch.allclose(load(f"m{number}").model.decode(z), decoder(z), atol=1e-6)
    with preview(pair) as found:
        assert torch.allclose(found.model().decode(z), decoder(z), atol=1e-6)


def test_a_shipped_model_comes_back_from_its_own_onnx_bit_for_bit() -> None:
    shipped = load("mnist-beta4")
    files = sorted(shipped.path.glob("*.onnx"))
    again = load(import_checkpoint(files, "again")).model
    z = torch.randn(6, shipped.model.latents)
    assert torch.equal(again.decode(z), shipped.model.decode(z))
    assert torch.equal(again.encode(again.decode(z)).log_var, shipped.model.encode(shipped.model.decode(z)).log_var)


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.inner = nn.Sequential(nn.Conv2d(c, c, 3, 1, 1), nn.GroupNorm(2, c), nn.SiLU(), nn.Conv2d(c, c, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


class Distribution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, 1, 1), nn.MaxPool2d(2), Residual(8), nn.BatchNorm2d(8), nn.Mish(),
            nn.Conv2d(8, 8, (3, 5), 2, (1, 2), padding_mode="reflect"), nn.GELU(), nn.AvgPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.mean, self.std = nn.Linear(32, D), nn.Linear(32, D)

    def forward(self, x: Tensor) -> torch.distributions.Normal:
        h = self.body(x)
        return torch.distributions.Normal(self.mean(h), nn.functional.softplus(self.std(h)))


class Upward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.Linear(D, 32), nn.LayerNorm(32), nn.ELU())
        self.body = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 3, 2, 1, 1),
            Residual(8),
            nn.PReLU(),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            nn.ReplicationPad2d(1),
            nn.Conv2d(8, 12, 3),
            nn.PixelShuffle(2),
            nn.Hardswish(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.body(self.start(z).view(-1, 8, 2, 2))


def test_own_modules_are_adopted_saved_and_run_everywhere_as_they_are(tmp_path: Path) -> None:
    import onnxruntime

    torch.manual_seed(2)
    encoder, decoder = Distribution(), Upward()
    for part in (encoder, decoder):  # numbers that were counted while training
        part.train()
        part(torch.rand(8, 3, 16, 16) if part is encoder else torch.randn(8, D))
    model = adopt(encoder, decoder, shape=(3, 16, 16), likelihood="gaussian", sigma=0.5)
    assert encoder.training and decoder.training
    encoder.eval()
    z, x = torch.randn(6, D), torch.rand(6, 3, 16, 16)
    with torch.no_grad():
        wanted = decoder(z).clamp(0, 1)
        assert torch.allclose(model.decode(z), wanted, atol=1e-5)
        assert torch.allclose(model.encode(x).mean, encoder(x).mean, atol=1e-5)
        assert torch.allclose(model.encode(x).std, encoder(x).stddev, atol=1e-5)
    checkpoint = load(save(model, tmp_path / "saved"))
    assert torch.equal(checkpoint.model.decode(z), model.decode(z))
    command = ["export", str(tmp_path / "saved"), "--to"]
    result = CliRunner().invoke(main, [*command, "onnx", "--out", str(tmp_path / "o.onnx")])
    assert result.exit_code == 0, result.output
    (images,) = onnxruntime.InferenceSession(tmp_path / "o.onnx").run(None, {"z": z.numpy()})
    assert np.abs(images - wanted.numpy()).max() < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "o.encoder.onnx")
    mean, log_var = session.run(["mean", "log_var"], {"images": x.numpy()})
    assert np.abs(mean - model.encode(x).mean.numpy()).max() < 1e-4
    assert np.abs(log_var - model.encode(x).log_var.numpy()).max() < 1e-4
    result = CliRunner().invoke(main, [*command, "hf", "--out", str(tmp_path / "hf")])
    assert result.exit_code == 0, result.output
    names: dict[str, Any] = {"__file__": str(tmp_path / "hf" / "modeling.py")}
    exec((tmp_path / "hf" / "modeling.py").read_text(), names)
    assert torch.allclose(names["load"]().decode(z), wanted, atol=1e-5)


def test_gradients_flow_through_a_graph_as_through_the_modules() -> None:
    torch.manual_seed(3)
    decoder = Decoder()
    model = adopt(Encoder(), decoder, shape=(1, 12, 12))
    z = torch.randn(3, D, requires_grad=True)
    (ours,) = torch.autograd.grad(model.decode(z).square().sum(), z)
    (theirs,) = torch.autograd.grad(decoder(z).square().sum(), z)
    assert torch.allclose(ours, theirs, atol=1e-5)
    model.requires_grad_(True)
    model.nll(z.detach(), torch.rand(3, 1, 12, 12)).sum().backward()
    assert all(p.grad is not None for p in model.network.decoder.parameters())


def test_a_row_of_standard_deviations_first_is_found_out_by_trying(tmp_path: Path) -> None:
    """A linear model that finds its latents again, with σ before µ in one row."""

    class Row(nn.Module):
        def __init__(self, basis: Tensor) -> None:
            super().__init__()
            self.basis = nn.Parameter(basis)

        def forward(self, x: Tensor) -> Tensor:
            logits = torch.logit(x.flatten(1).clamp(1e-6, 1 - 1e-6))
            mean = 0.8 * logits @ self.basis.t()
            return torch.cat([mean * 0 + 0.6, mean], dim=1)

    class Back(nn.Module):
        def __init__(self, basis: Tensor) -> None:
            super().__init__()
            self.basis = nn.Parameter(basis)

        def forward(self, z: Tensor) -> Tensor:
            return torch.sigmoid(z @ self.basis).view(-1, 1, 12, 12)

    basis = torch.linalg.qr(torch.randn(144, D, generator=torch.Generator().manual_seed(0)))[0].t().contiguous()
    (tmp_path / "encoder.onnx").write_bytes(exported(Row(basis), torch.rand(2, 1, 12, 12)))
    (tmp_path / "decoder.onnx").write_bytes(exported(Back(basis), torch.rand(2, D)))
    with preview(tmp_path) as found:
        model, table = found.model(), {what: value for what, value, _ in found.graphs.table()}
    assert table["halves"] == "log-var-first"
    assert table["spread"] == "std"
    posterior = model.encode(model.decode(torch.randn(4, D)))
    assert torch.allclose(posterior.std, torch.full((4, D), 0.6), atol=1e-5)


def test_an_untrained_model_is_kept_as_doubtful_until_a_person_settles_it(tmp_path: Path) -> None:
    (tmp_path / "encoder.onnx").write_bytes(exported(Encoder(), torch.rand(2, 1, 12, 12)))
    (tmp_path / "decoder.onnx").write_bytes(exported(Decoder(), torch.rand(2, D)))
    with preview(tmp_path) as found:
        assert "never trained" in found.doubts[0]
        assert not found.without_doubts().doubts
    folder = import_checkpoint(tmp_path, "mine")
    assert load(folder).config.doubts


# --- refusals ---------------------------------------------------------------------------------------


def graph(nodes: list[Any], weights: dict[str, np.ndarray], shape: list[Any], **more: Any) -> bytes:
    """A file whose nodes lead from x to y."""
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], **more)
    return bytes(model.SerializeToString())


def external() -> bytes:
    model = onnx.ModelProto.FromString(exported(Encoder(), torch.rand(2, 1, 12, 12)))
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return bytes(model.SerializeToString())


def tiled() -> bytes:
    """A gigantic tensor, made of 16 numbers."""
    repeats = np.array([1, 2**20, 2**18], dtype=np.int64)
    nodes = [helper.make_node("Tile", ["x", "r"], ["t"]), helper.make_node("ReduceMean", ["t"], ["y"], axes=[1])]
    return graph(nodes, {"r": repeats}, ["n", 4, 4])


def constants() -> bytes:
    shape = np.array([2**20, 2**20], dtype=np.int64)
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["c"]), helper.make_node("MatMul", ["x", "c"], ["y"])]
    return graph(nodes, {"s": shape}, ["n", 2**20])


def billion() -> bytes:
    """Functions that call one another, ten times each."""
    model = onnx.ModelProto.FromString(exported(Encoder(), torch.rand(2, 1, 12, 12)))
    for level in range(12):
        called = ("Relu", "") if level == 0 else (f"F{level - 1}", "f")
        names = ["a", *(f"t{i}" for i in range(9)), "b"]
        nodes = [helper.make_node(called[0], [x], [y], domain=called[1]) for x, y in pairwise(names)]
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
        model.functions.append(helper.make_function("f", f"F{level}", ["a"], ["b"], nodes, opsets))
    model.opset_import.append(helper.make_opsetid("f", 1))
    model.graph.node.append(helper.make_node("F11", [model.graph.output[0].name], ["more"], domain="f"))
    return bytes(model.SerializeToString())


def loop() -> bytes:
    body = helper.make_graph([], "b", [], [])
    return graph([helper.make_node("Loop", ["x", "", "x"], ["y"], body=body)], {}, ["n", 4, 4])


REFUSED = {
    "weights elsewhere": (external, "another file"),
    "a tensor without end": (tiled, "values at a time"),
    "constants without end": (constants, "constants"),
    "functions without end": (billion, "nodes"),
    "a loop": (loop, "Loop"),
    "another's operator": (
        lambda: graph([helper.make_node("Fused", ["x"], ["y"], domain="com.x")], {}, ["n", 4, 4]),
        "com.x",
    ),
    "an operator that is not known": (
        lambda: graph([helper.make_node("NonZero", ["x"], ["y"])], {}, ["n", 4, 4]),
        "NonZero",
    ),
    "a condition": (lambda: _conditional(), "condition"),
    "no posterior": (lambda: graph([helper.make_node("Relu", ["x"], ["y"])], {}, ["n", 1, 4, 4]), "mean"),
    "not ONNX": (lambda: b"<!doctype html>", "not an ONNX file"),
    "cut short": (lambda: exported(Encoder(), torch.rand(2, 1, 12, 12))[:-2000], "damaged"),
}


def _conditional() -> bytes:
    nodes = [helper.make_node("Add", ["x", "label"], ["y"])]
    model = onnx.ModelProto.FromString(graph(nodes, {}, ["n", 4]))
    model.graph.input.append(helper.make_tensor_value_info("label", TensorProto.FLOAT, ["n", 4]))
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["n", 4]))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_had_is_refused_in_a_sentence_that_names_it(tmp_path: Path, content: Any, why: str) -> None:
    (tmp_path / "m.onnx").write_bytes(content())
    (tmp_path / "d.onnx").write_bytes(exported(Decoder(), torch.rand(2, D)))
    result = CliRunner().invoke(main, ["import", str(tmp_path / "m.onnx"), str(tmp_path / "d.onnx"), "--name", "m"])
    assert result.exit_code == 2, result.output
    assert why in result.stderr and result.stderr.count("\n") == 1
    assert not (paths.library() / "m").exists()


def test_rows_that_are_not_treated_apart_are_refused() -> None:
    class Together(Decoder):
        def forward(self, z: Tensor) -> Tensor:
            return super().forward(z - z.mean(0, keepdim=True))

    with pytest.raises(UserError, match="alone"):
        adopt(Encoder(), Together(), shape=(1, 12, 12))


def test_modules_that_do_not_fit_are_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match="shape"):
        adopt(Encoder(), Decoder(), shape=(3, 64, 64))
