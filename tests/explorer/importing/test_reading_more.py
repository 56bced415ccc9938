"""What names don't say is found by trying, said by a person, refused for its reason, or marked as doubtful."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from explorer import paths
from explorer.checkpoints import describe, load
from explorer.checkpoints.catalogue import checkpoint_place
from explorer.checkpoints.doubts import settle_doubts
from explorer.cli import main
from explorer.datasets.examples import Examples
from explorer.errors import UserError
from explorer.export.onnx import decoder_onnx, encoder_onnx
from explorer.export.plain import plain_torch
from explorer.importing.finding import read_names
from explorer.importing.preview import import_checkpoint, preview
from explorer.importing.scoring import Trial
from explorer.importing.trial import settle_choices
from explorer.recipe.layer_config import Conv, Heads, Resize, Upsample

FIELD = paths.PROJECT.parent / "shared" / "cases" / "field"
HELD = [  # cases whose own program's numbers are at hand
    "factor-vae",
    "mixed-strides",
    "mnist-28-14-7-4",
    "mse-sigmoid",
    "norm-numbers",
    "oblong",
    "pool-in-blocks",
    "pool-in-forward-28",
    "relu-before-sigmoid",
    "replication-padding",
    "residual-sequential",
    "shallow-sgd",
    "standardised-pixels",
    "std-head",
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library of this test's own."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    torch.set_num_threads(1)
    return tmp_path / "home"


@pytest.mark.parametrize("name", HELD)
def test_a_file_from_the_field_computes_what_its_own_program_does(name: str) -> None:
    if not (FIELD / name / "model.pt").is_file():
        pytest.skip(f"the case {name} is not on this machine")
    with np.load(FIELD / name / "expected.npz") as stored:
        want = {key: torch.from_numpy(stored[key]) for key in stored.files}
    with preview(FIELD / name / "model.pt") as found:
        model = found.model()
    posterior = model.encode(want["x"])
    # pixels are cut to 0..1 here, whatever a decoder gives
    torch.testing.assert_close(model.decode(want["z"]), want["decoded"].clamp(0, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(posterior.mean, want["mean"], atol=1e-5, rtol=0)
    torch.testing.assert_close(posterior.log_var, want["log_var"], atol=1e-5, rtol=0)


def _dense(*layers: tuple[str, int, int]) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    for name, outputs, inputs in layers:
        made |= {f"{name}.weight": torch.randn(outputs, inputs), f"{name}.bias": torch.randn(outputs)}
    return made


HEADS = (("fc1", 32, 784), ("fc_mu", 4, 32), ("fc_logvar", 4, 32))
BACK = (("fc3", 32, 4), ("fc4", 784, 32))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            _dense(("fc1", 32, 794), ("fc21", 3, 32), ("fc22", 3, 32), ("fc3", 32, 13), ("fc4", 784, 32)),
            "conditional: its encoder takes 794 = 784 + 10",
        ),
        (_dense(*HEADS, ("fc_alpha", 4, 32), *BACK), "third head"),
        (_dense(*HEADS, ("fc_alphas.0", 10, 32), ("fc3", 32, 14), ("fc4", 784, 32)), "latents are joint"),
        (
            _dense(("encoder.0", 128, 784), ("encoder.2", 3, 128), ("decoder.0", 128, 3), ("decoder.2", 784, 128)),
            "autoencoder without a posterior",
        ),
        (_dense(*HEADS, *BACK) | {"vq.codebook": torch.zeros(8, 4)}, "discrete latents"),
        (
            {
                f"{part}.{key}": value
                for part, net in (
                    ("encoder", nn.Sequential(nn.Conv2d(4, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 4, 2, 1))),
                    ("fc_mu", nn.Linear(1024, 4)),
                    ("fc_logvar", nn.Linear(1024, 4)),
                    ("fc", nn.Linear(4, 1024)),
                    ("decoder", nn.Sequential(nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ConvTranspose2d(8, 4, 4, 2, 1))),
                )
                for key, value in net.state_dict().items()
            },
            "4 channels",
        ),
        (_dense(("encoder.res1.fc", 32, 784), *HEADS[1:], *BACK), "looks like a residual block"),
    ],
    ids=["conditional", "third head", "joint", "autoencoder", "discrete", "4 channels", "residual"],
)
def test_what_cannot_be_imported_is_refused_for_its_reason(state: dict[str, Tensor], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("+", r"\+")):
        read_names(state)


def test_a_classifier_on_the_latents_is_left_out_and_said() -> None:
    reading = read_names(_dense(*HEADS, *BACK, ("fc_cls", 10, 4)))
    assert reading.latents == 4 and "fc_cls" in reading.notes[0]


def test_an_untrained_model_is_doubtful_in_every_list_until_a_person_settles_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(_dense(*HEADS, *BACK), tmp_path / "vae.pt")
    run = CliRunner().invoke
    looked = run(main, ["import", str(tmp_path / "vae.pt"), "--look"])
    assert "of 4 latents" in looked.output and "too few to believe" in looked.output
    import_checkpoint(tmp_path / "vae.pt")
    folder = checkpoint_place("vae")
    assert "too few" in describe(folder).config.doubts[0]
    assert "## Doubtful" in (folder / "README.md").read_text()
    assert "doubtful" in run(main, ["library", "list"]).output
    before = describe(folder).hash
    assert settle_doubts(folder)
    assert describe(folder).hash == before and describe(folder).config.doubts == ()
    assert "Doubtful" not in (folder / "README.md").read_text()


def test_a_person_may_give_strides_and_pools_of_single_layers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = nn.ModuleDict(
        {
            "encoder": nn.Sequential(nn.Conv2d(1, 4, 3, 1, 1), nn.Conv2d(4, 8, 3, 1, 1)),
            "fc_mu": nn.Linear(392, 3),
            "fc_logvar": nn.Linear(392, 3),
            "fc": nn.Linear(3, 392),
            "decoder": nn.ModuleList([nn.ConvTranspose2d(8, 4, 3, 2, 1), nn.ConvTranspose2d(4, 1, 3, 2, 1)]),
        }
    ).state_dict()
    torch.save(state, tmp_path / "vae.pt")
    given = "encoder.0: stride 1, padding 1, pool 2; encoder.1: stride 1, padding 1, pool 2"
    result = CliRunner().invoke(main, ["import", str(tmp_path / "vae.pt"), "--geometry", given, "--size", "28"])
    assert result.exit_code == 0, result.output
    layers = load("vae").config.encoder
    assert layers is not None and [x.kind for x in layers].count("max-pool") == 2
    wrong = CliRunner().invoke(main, ["import", str(tmp_path / "vae.pt"), "--geometry", "encoder.7: stride 2"])
    assert wrong.exit_code and "there is no convolution 'encoder.7'" in wrong.output


def test_the_likelihood_and_sigma_of_an_import_can_be_said_and_a_stored_one_is_used() -> None:
    state = _dense(*HEADS, *BACK)
    said = read_names(state, {"likelihood": "gaussian", "sigma": 0.7071}).config()
    assert (said.likelihood, said.sigma) == ("gaussian", 0.7071)
    assert said.decoder is not None and said.decoder[-1].kind == "sigmoid"
    stored = read_names(state | {"log_sigma": torch.tensor(-1.0)}).config()
    assert stored.likelihood == "gaussian" and stored.sigma == pytest.approx(np.exp(-1))


@pytest.mark.parametrize(
    ("layer", "image"),
    [
        (Conv(inputs=2, outputs=2, kernel=3, padding=1, padding_mode="replicate"), True),
        (Upsample(factor=2, mode="bilinear", align_corners=True), True),
        (Resize(size=(5, 7)), True),
        *((Heads(spread=s, mean="relu"), False) for s in ("std", "softplus-variance", "log-std")),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_new_kind_of_layer_computes_the_same_in_onnx_and_in_plain_torch(
    layer: Any, image: bool, tmp_path: Path
) -> None:
    from models.layers import KINDS

    module = nn.Sequential(KINDS[layer.kind](layer.model_dump())).eval()
    x = torch.randn(2, 2, 4, 4) if image else torch.randn(2, 6)
    file = tmp_path / "layer.onnx"
    torch.onnx.export(module, (x,), file, dynamo=True, verbose=False, input_names=["x"])
    made = onnxruntime.InferenceSession(file).run(None, {"x": x.numpy()})[0]
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(made), module(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["replication-padding", "std-head"])
def test_modeling_py_and_onnx_of_such_an_import_decode_as_the_app_does(name: str, tmp_path: Path) -> None:
    if not (FIELD / name / "model.pt").is_file():
        pytest.skip(f"the case {name} is not on this machine")
    checkpoint = load(import_checkpoint(FIELD / name / "model.pt", "it"))
    z, x = torch.randn(2, 4), torch.rand(2, *checkpoint.model.shape)
    space: dict[str, object] = {"__file__": str(checkpoint.path / "modeling.py")}
    exec(plain_torch(checkpoint), space)
    theirs = space["load"](checkpoint.path)  # type: ignore[operator]
    torch.testing.assert_close(theirs.decode(z), checkpoint.model.decode(z))
    torch.testing.assert_close(theirs.encode(x)[1], checkpoint.model.encode(x).log_var)
    run = onnxruntime.InferenceSession
    images = run(decoder_onnx(checkpoint)).run(None, {"z": z.numpy()})[0]
    torch.testing.assert_close(torch.from_numpy(images), checkpoint.model.decode(z), atol=1e-5, rtol=1e-4)
    log_var = run(encoder_onnx(checkpoint)).run(None, {"images": x.numpy()})[1]
    torch.testing.assert_close(torch.from_numpy(log_var), checkpoint.model.encode(x).log_var, atol=1e-4, rtol=1e-4)


def test_ties_go_to_the_usual_and_nothing_is_said_to_be_by_trial_of_an_untrained_network() -> None:
    torch.manual_seed(1)
    reading = settle_choices(read_names(_dense(*HEADS, *BACK)))
    assert reading.choices == read_names(_dense(*HEADS, *BACK)).choices
    assert not any(why.startswith("by trial") for why in reading.basis.values())


def test_a_doubt_is_said_wherever_a_number_or_a_page_of_the_model_goes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(_dense(*HEADS, *BACK), tmp_path / "vae.pt")
    folder = import_checkpoint(tmp_path / "vae.pt")
    said = describe(folder).config.doubts[0]
    run = CliRunner().invoke
    np.save(tmp_path / "own.npy", np.zeros((12, 28, 28), np.uint8))
    data = ["--data", "npz", "--root", str(tmp_path / "own.npy"), "--count", "12"]
    told = run(main, ["evaluate", "vae", *data])
    assert told.exit_code == 0, told.output
    assert "vae is doubtful" in told.stderr and said in told.stderr
    answer = json.loads(run(main, ["evaluate", "vae", *data, "--json"]).stdout)
    assert answer["doubts"] == list(describe(folder).config.doubts)
    asked = ["compare", "vae", "vae", *data[:4], "--count", "12", "--json"]
    assert said in json.loads(run(main, asked).stdout)["doubts"]["vae"]
    out = tmp_path / "vae.html"
    assert run(main, ["export", "vae", "--to", "html", "--out", str(out)]).exit_code == 0
    assert 'class="doubt"' in out.read_text() and "too few to believe" in out.read_text()
    settle_doubts(folder)
    assert "doubts" not in json.loads(run(main, ["evaluate", "vae", *data, "--json"]).stdout)
    assert run(main, ["export", "vae", "--to", "html", "--out", str(out)]).exit_code == 0
    assert 'class="doubt"' not in out.read_text()


def test_a_norm_s_running_statistics_tell_the_activation_before_it() -> None:
    torch.manual_seed(0)
    names = ("fc1", "bn1", "fc_mu", "fc_logvar", "fc3", "bn3", "fc4", "bn4", "fc5")
    kinds = (
        nn.Linear(784, 32), nn.BatchNorm1d(32), nn.Linear(32, 4), nn.Linear(32, 4),
        nn.Linear(4, 32), nn.BatchNorm1d(32), nn.Linear(32, 64), nn.BatchNorm1d(64), nn.Linear(64, 784),
    )  # fmt: skip
    net = nn.ModuleDict(dict(zip(names, kinds, strict=True)))
    silu = nn.functional.silu
    with torch.no_grad():
        for norm in (net["bn3"], net["bn4"]):
            norm.momentum = None  # type: ignore[assignment]
        for _ in range(40):  # running statistics as training leaves them, under SiLU
            h = silu(net["bn3"](net["fc3"](torch.randn(256, 4))))
            net["fc5"](silu(net["bn4"](net["fc4"](h))))
    reading = read_names(net.state_dict())
    trial = Trial(reading)
    apart = {
        kind: trial.apart(reading.choices.model_copy(update={"decoder_activation": kind}))
        for kind in ("relu", "silu", "tanh", "none", "softplus")
    }
    assert min(apart, key=apart.__getitem__) == "silu"


def test_images_it_was_trained_on_speak_for_the_reading_that_keeps_them() -> None:
    """An encoder and a decoder that undo one another on these images only: no prior sample shows it."""
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(64, 4))[0]
    images = (0.5 + 0.05 * torch.randn(32, 4) @ basis.T).reshape(32, 1, 8, 8).clamp(0, 1)
    state = {
        "fc1.weight": torch.cat([basis, -basis], 1).T.contiguous(),
        "fc1.bias": -0.5 * torch.cat([basis, -basis], 1).T.sum(1),
        "fc_mu.weight": torch.cat([torch.eye(4), -torch.eye(4)], 1),
        "fc_mu.bias": torch.zeros(4),
        "fc_logvar.weight": torch.zeros(4, 8),
        "fc_logvar.bias": torch.full((4,), -6.0),
        "fc3.weight": basis.contiguous(),
        "fc3.bias": torch.full((64,), 0.5),
    }
    reading = read_names(state)
    trial = Trial(reading, lambda shape: images)
    linear = reading.choices.model_copy(update={"output": "none"})
    assert (trial.of_pictures(linear) or 0) > 0.99 > (trial.of_pictures(reading.choices) or 0)
    settled = settle_choices(reading, lambda shape: images)
    assert settled.choices.output == "none"
    assert "tried on 48 images drawn from its prior and 32 of its data set" in settled.found_words()
    alone = settle_choices(reading, Examples("celeba"))  # which lies on no machine that tests this
    assert "images of celeba in its size are not at hand" in alone.found_words()
