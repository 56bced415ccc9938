"""What papers of the method show, made again with data that the program makes itself. One command each:

    python recipes/papers/figures.py peaks          # two of five latents are left
    python recipes/papers/figures.py diffusion      # two parameters, whatever β between two bounds
    python recipes/papers/figures.py elements       # the columns of a table, in the order of Madelung's rule
    python recipes/papers/figures.py heartbeats     # an error below a step of 8 bits

Each trains, writes a picture of what its latents do (or a table), and prints the numbers beside what is to be expected.
What is reproduced, and what is not, stands in each function. Minutes on one core. The other papers' figures are made by
commands of the program, most of them on shipped models (shown.py): `--list` names all.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from explorer.analysis.evaluation import choose, evaluate  # noqa: E402
from explorer.analysis.inspection import inspect  # noqa: E402
from explorer.checkpoints import Checkpoint  # noqa: E402
from explorer.datasets import open_dataset  # noqa: E402
from explorer.export.films import as_png, traversal_sheet  # noqa: E402
from explorer.files import write_atomic  # noqa: E402
from explorer.training import TrainConfig, train  # noqa: E402
from recipes.papers.shown import SHOWN  # noqa: E402

ALIVE = 0.1  # nats


def trained(out: Path, name: str, **settings: object) -> Checkpoint:
    """The model of these settings: trained now, or before."""
    run = out / name
    config = TrainConfig.model_validate({"threads": 1, "eval_every": 2000, "likelihood": "gaussian"} | settings)
    if (run / "state.json").is_file():
        return train(config, run, resume=True)
    return train(config, run)


def picture(checkpoint: Checkpoint, kl: np.ndarray, out: Path) -> None:
    """The traversals of all latents as a PNG file."""
    sheet = traversal_sheet(checkpoint.model, kl, 9, samples=checkpoint.config.samples)
    write_atomic(out, as_png(sheet))
    click.echo(f"picture: {out}")


def peaks(out: Path) -> None:
    """Shifted spectra (Ziatdinov et al. 2021; Glushkovsky 2020): of five latents two are left, place and width.

    Not reproduced: their invariant encoder. β = 10 and σ = 0.05 are ours; their β counts a sum of squares.
    """
    settings = {"data": "peaks", "network": "dense", "latents": 5, "beta": 10, "sigma": 0.05, "steps": 12_000}
    checkpoint = trained(out, "peaks", **settings)
    kl = evaluate(checkpoint.model, open_dataset("peaks"), 2000).kl_per_dimension
    click.echo(f"KL by latent, nats: {', '.join(f'{value:.2f}' for value in sorted(kl, reverse=True))}")
    click.echo(f"latents left: {int((kl > ALIVE).sum())}; expected: 2 (1.99, 1.85, 0, 0, 0)")
    picture(checkpoint, kl, out / "peaks.png")


def diffusion(out: Path) -> None:
    """Diffusing trajectories (SPIVAE, Fernández-Fernández et al. 2024): the model finds as many latents as there are
    parameters.

    Here it sees ln TA-MSD curves and is linear, so that the answer is known: a latent is left for each eigenvalue of
    the curves' covariance above βσ² (Lucas et al. 2019), two for every βσ² between 0.05 and 2.5. Near the upper end
    the second one is worth little, and training takes long to find it: three values further down are trained here. Not
    reproduced: their autoregressive decoder of single increments.
    """
    data = open_dataset("fbm-msd")
    assert data.samples is not None
    gain = data.samples.channels[0].gain
    curves = gain * data.unit(range(len(data)))[:, 0, 0].double().numpy()
    eigenvalues = np.linalg.eigvalsh(np.cov(curves.T))[::-1]
    click.echo(f"eigenvalues of the curves' covariance: {', '.join(f'{value:.3g}' for value in eigenvalues)}")
    for level in (0.05, 0.2, 0.35):
        sigma = (level / 4) ** 0.5 / gain  # β = 4; σ in the model's own scale
        settings = {"data": "fbm-msd", "network": "linear", "latents": 5, "beta": 4, "steps": 8000}
        checkpoint = trained(
            out,
            f"diffusion-{level:g}",
            **settings,
            sigma=sigma,
            batch_size=128,
            learning_rate=3e-2,
            rate_schedule="cosine to=x0.01",
        )
        kl = evaluate(checkpoint.model, data, 2000).kl_per_dimension
        known = 0.5 * np.log(np.maximum(eigenvalues[:5] / level, 1))
        click.echo(f"βσ² = {level:g}: KL {_listed(kl)} nats, known optimum {_listed(known)}")
        click.echo(f"  latents left: {int((kl > 0.05).sum())}; expected: {int((eigenvalues > level).sum())}")
        picture(checkpoint, kl, out / f"diffusion-{level:g}.png")


def elements(out: Path) -> None:
    """The periodic table turned (Glushkovsky 2020, "AI discovering the periodic table", dual runs): samples are
    sub-shells, each with its share of electrons in every element.

    The first component of the data orders all 19 as Madelung's rule does (|ρ| = 1). Exceptions to the rule are no
    outliers in a linear model: that claim of the paper is not shown here.
    """
    data = open_dataset("dual:elements")
    values = data.unit(range(len(data)))[:, 0, 0].double().numpy()
    first = np.linalg.svd(values - values.mean(0), full_matrices=False)[0][:, 0]
    click.echo(f"|ρ| of the first component with the order of filling: {_rank(first):.3f}; expected: 1")
    settings = {"data": "dual:elements", "network": "linear", "latents": 2, "beta": 1, "sigma": 0.3, "steps": 6000}
    checkpoint = trained(out, "elements", **settings, batch_size=16, learning_rate=3e-3, eval_images=4)
    found = inspect(checkpoint.model, data, range(len(data)))
    ranks = [_rank(found.mean[:, d]) for d in range(2)]
    click.echo(f"|ρ| of each latent's mean with it: {', '.join(f'{value:.3f}' for value in ranks)}")


def heartbeats(out: Path) -> None:
    """Electrocardiograms (Harvey et al. 2024, arXiv 2410.02937): beats in a few latents.

    Their recordings can't be had here: these beats are synthetic. What is shown is that values in millivolts survive:
    the error is below what 8 bits could even say.
    """
    data = open_dataset("ecg")
    assert data.samples is not None
    gain = data.samples.channels[0].gain
    settings = {"data": "ecg", "network": "dense", "latents": 8, "beta": 1, "sigma": 0.004, "steps": 20_000}
    checkpoint = trained(out, "heartbeats", **settings, rate_schedule="cosine to=x0.02 begin=40%")
    found = inspect(checkpoint.model, data, choose(data, 500, 0).tolist())
    error = float(np.sqrt(np.mean(found.squared_error))) * gain * 1000
    click.echo(f"root mean squared error: {error:.2f} µV; a step of 8 bits over this span: {gain * 1000 / 255:.2f} µV")
    picture(checkpoint, evaluate(checkpoint.model, data, 1000).kl_per_dimension, out / "heartbeats.png")


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in sorted(values, reverse=True))


def _rank(values: np.ndarray) -> float:
    """|Spearman's ρ| with 0, 1, 2, ..."""
    from scipy.stats import spearmanr

    return float(abs(spearmanr(values, np.arange(len(values))).statistic))


FIGURES: dict[str, Callable[[Path], None]] = {
    function.__name__: function for function in (peaks, diffusion, elements, heartbeats)
}


def run_commands(name: str, out: Path) -> None:
    """Say what is shown, and run the commands that show it."""
    shown = SHOWN[name]
    click.echo(f"{shown.paper}. {shown.said}")
    for command in shown.commands:
        words = [word.replace("OUT", str(out), 1) if word.startswith("OUT/") else word for word in command.split()]
        run = Path(words[words.index("--out") + 1]) if words[0] == "train" else None
        if run is not None and (run / "state.json").is_file():
            words = ["train", "--resume", "--out", str(run)]
        click.echo(f"$ python -m explorer {shlex.join(words)}")
        subprocess.run([sys.executable, "-m", "explorer", *words], cwd=ROOT, check=True)


def _list(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Print all names with their papers."""
    if value:
        for name, function in FIGURES.items():
            click.echo(f"{name:18s} {(function.__doc__ or '').split(':')[0].splitlines()[0]}")
        for name, shown in SHOWN.items():
            click.echo(f"{name:18s} {shown.paper}")
        context.exit()


@click.command(help=__doc__)
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="Name all figures.")
@click.argument("name", type=click.Choice([*FIGURES, *SHOWN]), metavar="NAME")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/papers"), help="Folder of runs and pictures."
)
def main(name: str, out: Path) -> None:
    """Make the figure of that name."""
    out.mkdir(parents=True, exist_ok=True)
    if name in FIGURES:
        FIGURES[name](out)
    else:
        run_commands(name, out.resolve())


if __name__ == "__main__":
    main()
