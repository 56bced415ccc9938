"""The rules that move β: their tables step by step, and where they come to rest on data with a closed form."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch

from explorer.analysis.linear_oracle import beta_of_rate
from models.beta_vae import Posterior
from models.constraints import Constrained, Dynamic, Geco, Rewo, settling
from models.objectives import Objective

EIGENVALUES, VARIANCE = torch.tensor([9.0, 4.0, 2.0, 1.0, 0.5]), 0.1


def distortion(beta: float) -> float:
    """Of the linear Gaussian model at its optimum: ½ Σ min(λ, βσ²)/σ²."""
    return float(0.5 * EIGENVALUES.clamp(max=beta * VARIANCE).sum() / VARIANCE)


def trained(objective: Objective, steps: int, rate: float) -> list[tuple[float, float]]:
    """Cost before and KL after each of the last twenty steps of the linear model, its decoder always the best one."""
    gain = torch.full((5,), 0.1, requires_grad=True)
    log_var = torch.zeros(5, requires_grad=True)
    optimiser = torch.optim.Adam([gain, log_var], lr=rate)
    generator = torch.Generator().manual_seed(0)
    last = []
    for step in range(steps):
        pixels = torch.randn(64, 5, generator=generator) * EIGENVALUES.sqrt()
        spread = gain.square() * EIGENVALUES + log_var.exp()
        nll = 0.5 * (EIGENVALUES * log_var.exp() / spread / VARIANCE).sum()
        posterior = Posterior(pixels * gain, log_var.expand(64, 5))
        terms = objective(nll.expand(64), posterior, posterior.mean, step)
        optimiser.param_groups[0]["lr"] = rate * settling(step, steps)
        optimiser.zero_grad()
        terms.loss.backward()
        optimiser.step()
        with torch.no_grad():
            spread = gain.square() * EIGENVALUES + log_var.exp()
            last.append((nll.item(), float(0.5 * (spread - log_var - 1).sum())))
    return last[-20:]


@pytest.mark.parametrize("epsilon", [2.0, 5.0])
def test_a_run_ends_at_epsilon_with_its_last_weights_and_the_betas_closed_form(epsilon: float) -> None:
    """The linear Gaussian model, its decoder the best one, under batches of 64 and a rate that shakes the weights.

    The average over steps is kept by any dual ascent; what counts is each of the last steps by itself.
    """
    objective = Constrained(epsilon, steps=1000)
    off = [kl / epsilon - 1 for _, kl in trained(objective, 1000, 0.05)]
    assert max(abs(value) for value in off) < 0.02
    assert objective.beta.item() == pytest.approx(beta_of_rate(EIGENVALUES.tolist(), VARIANCE, epsilon), rel=0.03)


@pytest.mark.parametrize(
    ("beta", "off", "then"),
    [
        (0.5, 0.1, 0.452419),
        (0.5, -0.1, 0.523648),
        (1.0, -0.1, 1.0),
        (1.0, 0.1, 0.904837),
        (0.001, -0.1, 0.001079),
        (0.3, 0.0, 0.3),
        (1.0, -5.0, 1.0),
    ],
)
def test_one_step_of_rewo_is_the_papers(beta: float, off: float, then: float) -> None:
    for kappa in (100.0, -40.0):  # a density's cost may be below 0
        objective = Rewo(kappa, rate=1.0)
        objective.reached.fill_(1)
        objective.beta.fill_(beta)
        objective.cost.fill_(kappa + off * abs(kappa))
        objective.move(objective.cost, torch.zeros(()), 0)
        assert objective.beta.item() == pytest.approx(then, abs=1e-6)


def test_rewo_waits_until_the_cost_is_below_its_target_once_and_then_rises() -> None:
    objective = Rewo(10.0, rate=1.0)
    posterior = Posterior(torch.ones(4, 2), torch.zeros(4, 2))

    def take(cost: float) -> float:
        objective(torch.full((4,), cost), posterior, posterior.mean, 0)
        return objective.beta.item()

    assert {take(20.0) for _ in range(30)} == {Rewo.LEAST}
    while not objective.reached:
        take(5.0)
    objective.cost.fill_(9.0)  # off by −0.1 from now on
    steps = 0
    while objective.beta.item() <= 0.5:
        objective.move(objective.cost, torch.zeros(()), 0)
        steps += 1
    assert 1100 < steps <= 1143  # 1,143 from the smallest number on
    objective.cost.fill_(11.0)
    objective.move(objective.cost, torch.zeros(()), 0)
    assert objective.beta.item() < 0.5 and objective.reached.item() == 1


@pytest.mark.parametrize("beta", [2.0, 8.0])
def test_geco_ends_at_its_target_with_the_betas_closed_form(beta: float) -> None:
    kappa, steps = distortion(beta), 1500
    objective = Geco(kappa, 0.02, steps)
    costs = [cost for cost, _ in trained(objective, steps, 0.05)]
    assert max(abs(cost / kappa - 1) for cost in costs) < 0.03
    assert objective.beta.item() == pytest.approx(beta, rel=0.05)


def test_rewo_rests_at_its_target_or_at_one_where_that_costs_less() -> None:
    objective = Rewo(distortion(0.4), rate=0.1)
    costs = [cost for cost, _ in trained(objective, 3000, 0.05)]
    assert sum(costs) / len(costs) == pytest.approx(distortion(0.4), rel=0.03)
    assert objective.beta.item() == pytest.approx(0.4, rel=0.1)
    slack = Rewo(distortion(3.0), rate=0.3)
    costs = [cost for cost, _ in trained(slack, 1500, 0.05)]
    assert slack.beta.item() == pytest.approx(1.0, abs=1e-3)
    assert sum(costs) / len(costs) == pytest.approx(distortion(1.0), rel=0.03)


def test_the_dynamic_rule_moves_beta_as_its_table_says() -> None:
    table = {
        (-1, -1, -2): 0.15, (-1, -1, 0): 0.05, (-1, -1, 2): -0.05, (-1, 1, -2): 0.05, (-1, 1, 0): 0.0,
        (-1, 1, 2): -0.05, (1, -1, -2): 0.0, (1, -1, 0): -0.05, (1, -1, 2): -0.10,
        (1, 1, -2): 0.0, (1, 1, 0): 0.0, (1, 1, 2): 0.0,
    }  # fmt: skip
    for signs, moved in table.items():
        error, before, trend = (torch.tensor(float(sign)) for sign in signs)
        assert Dynamic.change(error, before, trend, 0.05).item() == pytest.approx(moved, abs=1e-6)
    rule = Dynamic(1)
    rule.least_cost.fill_(100.0)
    rule.least_kl.fill_(10.0)
    rule.last_cost.fill_(200.0)
    for cost, kl, signs in (
        (119.0, 11.0, (-1, -1, -2)),
        (121.0, 12.5, (1, 1, -2)),
        (200.0, 11.0, (1, -1, 0)),
        (221.0, 1.0, (1, -1, 2)),
    ):
        assert tuple(map(float, rule.signs(torch.tensor(cost), torch.tensor(kl)))) == signs


def test_the_dynamic_rule_waits_starts_and_pauses_by_windows() -> None:
    """Costs that fall for ever and a KL that is at its least: every move is up."""
    rule, window = Dynamic(3), 3
    posterior = Posterior(torch.ones(4, 2), torch.zeros(4, 2))
    betas = []
    for step in range(100 * window):
        cost = torch.full((4,), 1000.0 * 0.97 ** (step // window))
        terms = rule(cost, posterior, posterior.mean, step)
        betas.append(terms.extra["beta"].item())
    by_window = [betas[n * window] for n in range(100)]
    assert set(by_window[:24]) == {0.0} and by_window[24] == pytest.approx(0.001)
    moves = [n for n in range(25, 100) if by_window[n] != by_window[n - 1]]
    assert moves and all(later - earlier > 10 for earlier, later in itertools.pairwise(moves))
    assert by_window[moves[0]] == pytest.approx(0.001 + 0.15)
    assert max(by_window) <= 2.15


@pytest.mark.parametrize("make", [lambda: Geco(100.0), lambda: Rewo(100.0), lambda: Dynamic(7)])
def test_what_a_rule_remembers_is_in_its_state_so_that_a_resumed_run_is_the_same(make: Callable[..., Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    posterior = Posterior(torch.randn(8, 3, generator=generator), torch.zeros(8, 3))
    costs = 100 + 40 * torch.randn(400, 8, generator=generator)
    whole, first = make(), make()
    for step in range(400):
        whole(costs[step], posterior, posterior.mean, step)
    for step in range(200):
        first(costs[step], posterior, posterior.mean, step)
    second = make()
    second.load_state_dict(first.state_dict())
    for step in range(200, 400):
        second(costs[step], posterior, posterior.mean, step)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]) or value.isnan(), name
