"""Linked sliders: a model's own latents, permuted and turned over, are found exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.analysis.linking import Link, by_hand, by_kl, by_matching, placed, sample, written
from explorer.analysis.matching import match
from explorer.checkpoints import ModelConfig
from explorer.checkpoints.store import build_model
from explorer.errors import UserError
from models.beta_vae import BetaVAE

LATENTS = 6


def permuted(model: BetaVAE, order: list[int], signs: list[int]) -> BetaVAE:
    """The same model, whose dimension e is dimension order[e] of `model`, times signs[e]."""
    other = build_model(ModelConfig(network="compact", shape=(1, 32, 32), latents=LATENTS))
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    encoder = [name for name in state if name.startswith("network.encoder")]
    weight, bias = encoder[-2:]
    sign = torch.tensor(signs, dtype=torch.float32)
    means, log_vars = state[weight][:LATENTS], state[weight][LATENTS:]
    state[weight] = torch.cat([sign[:, None] * means[order], log_vars[order]])
    means, log_vars = state[bias][:LATENTS], state[bias][LATENTS:]
    state[bias] = torch.cat([sign * means[order], log_vars[order]])
    first = next(name for name in state if name.startswith("network.decoder"))
    state[first] = state[first][:, order] * sign
    other.load_state_dict(state)
    return other.eval()


@pytest.mark.parametrize("seed", range(5))
def test_a_models_own_latents_permuted_and_turned_over_are_found_exactly(seed: int) -> None:
    torch.manual_seed(seed)
    model = build_model(ModelConfig(network="compact", shape=(1, 32, 32), latents=LATENTS)).eval()
    dice = np.random.default_rng(seed)
    order = dice.permutation(LATENTS).tolist()
    signs = dice.choice([-1, 1], LATENTS).tolist()
    other = permuted(model, order, signs)
    images = torch.rand(300, 1, 32, 32)
    with torch.inference_mode():
        first, second = model.encode(images), other.encode(images)
    found = match(first.mean.numpy(), second.mean.numpy())
    assert [(order[e], e) for e in range(LATENTS)] == sorted(found.pairs, key=lambda pair: pair[1])
    for e in range(LATENTS):
        assert found.correlation[order[e], e] == pytest.approx(signs[e], abs=1e-12)

    # Under linked sliders both show the same picture, wherever the sliders are.
    kl = first.kl().mean(0).tolist()
    slots = by_matching([LATENTS] * 2, [kl, None], 0, [None, found])
    assert len(slots) == LATENTS and all(link is not None for slot in slots for link in slot)
    offsets = dice.normal(size=LATENTS).round(3)
    z = [placed(posterior.mean[0].tolist(), slots, m, offsets.tolist()) for m, posterior in enumerate((first, second))]
    with torch.inference_mode():
        left, right = (net.decode(torch.tensor([p])) for net, p in zip((model, other), z, strict=True))
    assert torch.allclose(left, right, atol=1e-5)
    draws = dice.normal(size=(2, LATENTS)).tolist()
    shared = sample(slots, draws, 0)
    assert shared[0] == draws[0]
    assert shared[1] == [draws[0][order[e]] * signs[e] for e in range(LATENTS)]


def test_a_monotone_relation_is_a_whole_one_and_a_constant_mean_is_none() -> None:
    codes = np.random.default_rng(0).normal(size=(200, 3))
    found = match(codes, np.stack([np.zeros(200), -(codes[:, 2] ** 3), np.exp(codes[:, 0])], axis=1))
    assert np.allclose(found.correlation[[2, 0], [1, 2]], [-1, 1]) and set(found.pairs) == {(0, 2), (2, 1), (1, 0)}
    assert (found.correlation[:, 0] == 0).all()
    with pytest.raises(ValueError, match="3 and 2 images"):
        match(codes[:3], codes[:2])


def test_models_with_other_numbers_of_latents_are_linked_as_far_as_they_go() -> None:
    codes = np.random.default_rng(1).normal(size=(300, 4))
    found = match(codes[:, :2], codes[:, [3, 1, 0, 2]])
    slots = by_matching([2, 4, 3], [[0.1, 2.0], [1, 2, 3, 4], None], 0, [None, found, None])
    links = [tuple(link and link[:2] for link in slot) for slot in slots]
    assert links == [
        ((1, 1), (1, 1), None),
        ((0, 1), (2, 1), None),
        (None, (3, 1), None),
        (None, (0, 1), None),
        (None, None, (0, 1)),
        (None, None, (1, 1)),
        (None, None, (2, 1)),
    ]
    ranked = by_kl([2, 4, 0], [[0.1, 2.0], None, None])
    assert [[link and link.dimension for link in slot] for slot in ranked] == [
        [1, 0, None],
        [0, 1, None],
        [None, 2, None],
        [None, 3, None],
    ]


@given(st.data())
def test_what_is_linked_by_hand_is_read_back(data: st.DataObject) -> None:
    latents = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=6))
    length = max(latents)
    columns = []
    for d in latents:
        links = [Link(i, data.draw(st.sampled_from([1, -1]))) for i in range(d)] + [None] * (length - d)
        columns.append(data.draw(st.permutations(links)))
    slots = list(zip(*columns, strict=True))
    assert by_hand(latents, [written(slots, m) for m in range(len(latents))]) == slots


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["0,1"], "1 lists, and there are 2 models"),
        (["0,2", ""], "model 1: '2' is none of its 2 dimensions, which are 0 to 1"),
        (["0,-0", ""], "model 1: a dimension comes twice"),
        (["0,--1", ""], "is none of"),
    ],
)
def test_a_bad_choice_by_hand_gives_a_sentence(texts: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        by_hand([2, 2], texts)
