"""intervene: effects of latents, factors and activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from explorer.cli.insight.shared import USUAL, json_option, out_option, places, tell_json, write
from explorer.cli.options import data_options, doubts_of, model_argument, open_both
from explorer.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from explorer.analysis.insight.effects import Effects
    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Dataset


@click.command("intervene")
@model_argument
@data_options(f"Images to measure on, drawn with the seed  [default: {USUAL}]")
@click.option("--from", "first", type=click.IntRange(0), default=0, show_default=True, help="Image A.")
@click.option("--to", "second", type=click.IntRange(0), default=1000, show_default=True, help="Image B.")
@click.option("--layer", help="Put this layer of B into A's pass, such as decoder:0; all are listed where it is wrong.")
@click.option("--units", default="", metavar="0-3,7", help="Only these units of the layer.")
@out_option("all effects (.csv), or with --layer each unit's; with --layer A, patched, B (.png)")
@json_option
def command(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, count: int | None, seed: int,
    device: str, first: int, second: int, layer: str | None, units: str, outs: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Move each latent of MODEL over many images, and say by which latents image B comes of A; or patch a layer.

    \b
        python -m explorer insight intervene dsprites-disentangled --out effects.csv
        python -m explorer insight intervene dsprites-beta4 --from 3 --to 100000 --layer encoder:3 --units 0-15
    """
    from explorer.analysis.insight.effects import effects
    from explorer.analysis.insight.patching import images_of, mediate

    targets = places(outs, (".csv", ".png") if layer else (".csv",))
    checkpoint, dataset, _ = open_both(model, data, split, root, download, device)
    pair = images_of(checkpoint.model, dataset, first, second)
    doubts = doubts_of(checkpoint)
    if layer is not None:
        value, files = _patched(checkpoint, pair, layer, units)
        write(targets, files, as_json)
        if as_json:
            tell_json(value, doubts)
        else:
            _print_patch(value)
        return
    found = effects(checkpoint.model, dataset, min(count or USUAL, len(dataset)), seed)
    through = mediate(checkpoint.model, pair)
    from explorer.export.effect_files import effects_csv

    write(targets, {".csv": lambda: effects_csv(found)}, as_json)
    if as_json:
        tell_json({"effects": found.as_json(), "mediation": {"from": first, "to": second} | through.as_json()}, doubts)
        return
    _print(found, dataset)
    if through.indirect is None:
        click.echo("A and B decode to the same picture: shares are absent")
        return
    shares = sorted(enumerate(through.indirect), key=lambda share: -abs(share[1]))
    click.echo("from A to B by: " + ", ".join(f"z{j} {share:.1%}" for j, share in shares[:8]))
    click.echo(f"interaction {through.interaction:.1%} by projection, {through.interaction_size:.1%} by length")


def _patched(checkpoint: Checkpoint, pair: Any, layer: str, units: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A patch as plain values, and what makes its files."""
    from explorer.analysis.insight.patching import layer_called, patch, unit_effects, units_of
    from explorer.export.effect_files import units_csv
    from explorer.figures.image_grid import grid, png
    from explorer.figures.renderings import render

    where = layer_called(checkpoint.model, layer)
    chosen = units_of(units, where.units)
    found = patch(checkpoint.model, pair, where, chosen)
    alone = unit_effects(checkpoint.model, pair, where)

    def table() -> bytes:
        if alone is None:
            raise UserError("A and B decode to the same picture: effects of units are absent")
        return units_csv(layer, alone)

    value = {
        "layer": layer,
        "units": chosen,
        "effect": found.effect,
        "recovery": found.recovery,
        "unit_effects": None if alone is None else alone.tolist(),
    }
    return value, {".csv": table, ".png": lambda: png(grid(render(found.images[None], checkpoint.config.samples)))}


def _print_patch(value: dict[str, Any]) -> None:
    if value["effect"] is None:
        click.echo("A and B decode to the same picture: effect and recovery are absent")
        return
    click.echo(
        f"{len(value['units'])} units of {value['layer']}: "
        f"effect {value['effect']:.4f}, recovery {value['recovery']:.4f}"
    )
    best = sorted(enumerate(value["unit_effects"]), key=lambda unit: -abs(unit[1]))[:10]
    click.echo("alone: " + ", ".join(f"{unit} {effect:.3f}" for unit, effect in best))


def _print(found: Effects, dataset: Dataset) -> None:
    from explorer.analysis.insight.effects import specificity

    def said(value: float) -> str:
        return f"{value:11.3f}" if value == value else "     absent"

    largest, _ = specificity(found.response)
    click.echo(f"{found.count:,} images of {dataset.name}, seed {found.seed}")
    click.echo("latent  KL, nats  effect on image     rms  specificity")
    for j in _by_kl(found.kl):
        click.echo(
            f"z{j:<5d} {found.kl[j]:9.3f}  {found.image_effect[j]:15.3f}  {found.rms[j]:6.4f}  {said(largest[j])}"
        )
    if found.input is None:
        click.echo("factors: absent, the data set holds images and does not draw them from factors")
        return
    largest, _ = specificity(found.input)
    for name, row, share in zip(found.factor_names, found.input, largest, strict=True):
        click.echo(f"{name}: moves z{int(row.argmax())} most; specificity {said(share).strip()}")


def _by_kl(kl: np.ndarray) -> list[int]:
    return [int(j) for j in (-kl).argsort(kind="stable")]
