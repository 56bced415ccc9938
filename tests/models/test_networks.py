"""The networks are the published ones, layer by layer, and every size and colour they promise works."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from models.beta_vae import BetaVAE, Posterior
from models.kinds import NETWORKS, built_here
from models.likelihoods import Bernoulli, Gaussian, OptimalGaussian
from models.networks import build

ROOT = Path(__file__).resolve().parents[2]


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "size", "count"), [("burgess", 64, 502_005), ("burgess", 32, 469_173), ("locatello", 64, 690_517)]
)
def test_parameter_counts_are_the_published_ones(name: str, size: int, count: int) -> None:
    assert parameters(build(name, (1, size, size), 10)) == count


def test_burgess_in_colour_has_the_published_count() -> None:
    assert parameters(build("burgess", (3, 64, 64), 10)) == 504_055


@pytest.mark.parametrize("name", built_here())
@pytest.mark.parametrize("size", [28, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_and_colour_comes_back_in_shape(name: str, size: int, channels: int) -> None:
    if not NETWORKS[name].takes(size, size):
        with pytest.raises(ValueError, match=f"network {name} takes (square images|signals) of"):
            build(name, (channels, size, size), 7)
        return
    model = BetaVAE(build(name, (channels, size, size), 7), Bernoulli())
    images = torch.rand(2, channels, size, size)
    posterior = model.encode(images)
    assert posterior.mean.shape == posterior.log_var.shape == (2, 7)
    decoded = model.decode(posterior.mean)
    assert decoded.shape == images.shape
    assert decoded.min() >= 0 and decoded.max() <= 1


@pytest.mark.parametrize("name", ["conv1d", "dense", "mlp", "linear"])
@pytest.mark.parametrize("shape", [(1, 1, 64), (2, 1, 257), (12, 1, 1000), (1, 1, 4096)])
def test_signals_of_every_length_come_back_in_shape(name: str, shape: tuple[int, int, int]) -> None:
    model = BetaVAE(build(name, shape, 3), Gaussian(0.1)).eval()
    samples = torch.rand(3, *shape)
    assert model.decode(model.encode(samples).mean).shape == samples.shape
    assert model.nll(torch.zeros(3, 3), samples).shape == (3,)


def test_the_network_for_signals_says_which_it_takes() -> None:
    for shape in ((1, 1, 63), (1, 1, 4097), (1, 64, 64)):
        with pytest.raises(ValueError, match="conv1d takes signals of 64 to 4,096 values"):
            build("conv1d", shape, 3)


def test_dense_is_two_layers_of_128_each_way() -> None:
    network = build("dense", (1, 1, 100), 2)
    widths = [m.out_features for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert widths == [128, 128, 4, 128, 128, 100]


def test_compact_covers_every_size_that_is_promised() -> None:
    assert NETWORKS["compact"].sizes == (28, 32, 64, 128)


def test_burgess_is_the_published_stack() -> None:
    network = build("burgess", (1, 64, 64), 10)
    convolutions = [m for m in network.encoder.children() if isinstance(m, torch.nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size, c.stride) for c in convolutions] == [
        (1, 32, (4, 4), (2, 2)),
        *[(32, 32, (4, 4), (2, 2))] * 3,
    ]
    dense = [m.out_features for m in network.encoder.children() if isinstance(m, torch.nn.Linear)]
    assert dense == [256, 256, 20]


def test_locatello_has_two_by_two_kernels_at_the_end() -> None:
    network = build("locatello", (1, 64, 64), 10)
    kernels = [m.kernel_size[0] for m in network.encoder.children() if isinstance(m, torch.nn.Conv2d)]
    assert kernels == [4, 4, 2, 2]


def test_mlp_is_higgins_2017() -> None:
    network = build("mlp", (1, 64, 64), 10)
    widths = [m.out_features for m in network.encoder.children() if isinstance(m, torch.nn.Linear)]
    assert widths == [1200, 1200, 20]
    widths = [m.out_features for m in network.decoder.children() if isinstance(m, torch.nn.Linear)]
    assert widths == [1200, 1200, 1200, 4096]
    assert any(isinstance(m, torch.nn.Tanh) for m in network.decoder.children())


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(ValueError, match="there is no network 'resnet'"):
        build("resnet", (1, 64, 64), 10)


@pytest.mark.parametrize(
    ("mean", "log_var", "dimensions", "kl"), [(0.0, 0.0, 10, 0.0), (1.0, 0.0, 10, 5.0), (1.0, 1.0, 10, 8.5914)]
)
def test_kl_of_known_gaussians(mean: float, log_var: float, dimensions: int, kl: float) -> None:
    shape = (3, dimensions)
    posterior = Posterior(torch.full(shape, mean), torch.full(shape, log_var))
    torch.testing.assert_close(posterior.kl().sum(1), torch.full((3,), kl), atol=1e-4, rtol=0)


def test_samples_have_the_posteriors_moments() -> None:
    posterior = Posterior(torch.full((200_000, 1), 2.0), torch.full((200_000, 1), -1.0))
    z = posterior.sample(torch.Generator().manual_seed(0))
    assert abs(z.mean().item() - 2) < 0.01
    assert abs(z.std().item() - posterior.std[0].item()) < 0.01


def test_bernoulli_cost_is_the_summed_cross_entropy() -> None:
    raw, images = torch.randn(4, 3, 8, 8), torch.rand(4, 3, 8, 8)
    p = torch.sigmoid(raw)
    expected = -(images * p.log() + (1 - images) * (1 - p).log()).sum((1, 2, 3))
    torch.testing.assert_close(Bernoulli().nll(raw, images), expected, rtol=1e-4, atol=1e-3)


def test_gaussian_cost_is_the_density() -> None:
    raw, images = torch.randn(4, 1, 5, 5), torch.rand(4, 1, 5, 5)
    expected = -torch.distributions.Normal(raw, 0.3).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(Gaussian(0.3).nll(raw, images), expected)


def test_optimal_gaussian_finds_the_noise_that_is_there() -> None:
    likelihood = OptimalGaussian().train()
    generator = torch.Generator().manual_seed(0)
    for _ in range(400):
        truth = torch.rand(64, 1, 8, 8, generator=generator)
        noisy = truth + 0.05 * torch.randn(truth.shape, generator=generator)
        likelihood.nll(truth, noisy)
    likelihood.eval()
    assert abs(likelihood.log_sigma.exp().item() - 0.05) < 0.003
    density = torch.distributions.Normal(truth, likelihood.log_sigma.exp())
    expected = -density.log_prob(noisy).sum((1, 2, 3))
    torch.testing.assert_close(likelihood.nll(truth, noisy), expected, rtol=1e-4, atol=1e-3)


def test_optimal_gaussian_is_right_after_a_short_run_too() -> None:
    likelihood = OptimalGaussian().train()
    truth = torch.rand(64, 1, 8, 8)
    for _ in range(5):
        likelihood.nll(truth, truth + 0.05 * torch.randn(truth.shape))
    assert abs(likelihood.log_sigma.exp().item() - 0.05) < 0.005


def test_whole_numbers_and_wrong_shapes_are_refused_in_a_sentence() -> None:
    model = BetaVAE(build("compact", (1, 64, 64), 10), Bernoulli())
    with pytest.raises(ValueError, match="divide by 255"):
        model.encode(torch.zeros(1, 1, 64, 64, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"images of shape \(1, 64, 64\)"):
        model.encode(torch.zeros(1, 3, 64, 64))
    with pytest.raises(ValueError, match=r"latents of shape \(n, 10\)"):
        model.decode(torch.zeros(1, 9))


def test_samples_of_the_prior_are_pictures() -> None:
    model = BetaVAE(build("compact", (3, 32, 32), 4), Bernoulli())
    pictures = model.sample(5, torch.Generator().manual_seed(0))
    assert pictures.shape == (5, 3, 32, 32)
    again = model.sample(5, torch.Generator().manual_seed(0))
    assert torch.equal(pictures, again)


def test_how_wide_a_network_is_is_found_without_the_compiler() -> None:
    """Torch's compiler takes seconds and tens of megabytes to be imported: no page may wait for it."""
    code = (
        "import sys; from models.networks import BUILDERS; from models.batches import width\n"
        "for name in ('compact', 'burgess', 'mlp'):\n"
        "    network = BUILDERS[name]((3, 64, 64), 10)\n"
        "    print(width(network.encoder, (3, 64, 64)), width(network.decoder, (10,)))\n"
        "print('torch._dynamo' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["24576", "24576", "65536", "65536", "24576", "24576", "False"]
