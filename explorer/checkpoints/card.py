"""The model card: README.md beside the weights, written from what is in config.json and nothing else."""

from __future__ import annotations

import json
import shlex

from explorer import paths
from explorer.checkpoints.config import ACTIVE_VARIANCE, CheckpointConfig
from explorer.checkpoints.doubts import card_section
from explorer.recipe import versions
from models.kinds import LIKELIHOODS


def header(name: str, config: CheckpointConfig) -> list[str]:
    """What the Hugging Face hub reads: library, task, data, and the numbers measured, as evaluation results.

    The licence of a model is its owner's to choose, and stands there for shipped models alone.
    """
    shipped = config.note is not None and (paths.PRETRAINED / name / "config.json").is_file()
    lines = ["---", *(["license: mit"] if shipped else []), "library_name: beta-vae-explorer"]
    task = "unconditional-image-generation" if config.samples is None else "other"
    if config.samples is None:
        lines += [f"pipeline_tag: {task}", "tags: [beta-vae, disentanglement, image-generation]"]
    else:
        lines.append("tags: [beta-vae, disentanglement]")
    measured = config.evaluation
    if measured:
        told = {"reconstruction": measured.reconstruction, "kl": measured.kl, "active_units": measured.active_units}
        told |= {} if measured.mig is None else {"mig": measured.mig}
        quoted = json.dumps(measured.data)
        lines += [
            "model-index:",
            f"- name: {json.dumps(name)}",
            "  results:",
            f"  - task: {{type: {task}}}",
            f"    dataset: {{name: {quoted}, type: {quoted}, split: {json.dumps(measured.split)}}}",
            "    metrics:",
            *(f"    - {{type: {kind}, value: {value:.6g}}}" for kind, value in told.items()),
        ]
    return [*lines, "---"]


def card(name: str, config: CheckpointConfig) -> str:
    """Markdown with the Hugging Face header: the model, its recipe and the numbers measured on it."""
    channels, height, width = config.shape
    sigma = LIKELIHOODS[config.likelihood].sigma(config.sigma)
    lines = [
        *header(name, config),
        "",
        f"# {name}",
        "",
        f"A Beta-VAE: network `{config.network}`, {config.latents} latent dimensions, "
        f"{height} x {width} pixels, {channels} channel{'s' * (channels > 1)}, "
        f"likelihood {config.likelihood}{sigma}.",
    ]
    if config.note:
        lines += ["", config.note]
    if config.training and "data" in config.training:
        recipe = " ".join(
            (f"--{key.replace('_', '-')}" if key != "start" else "--from")
            + ("" if value is True else f" {shlex.quote(str(value))}")
            for key, value in versions.shown(config.training).items()
            if value is not None and value is not False
        )
        lines += [
            "",
            "## Recipe",
            "",
            f"Objective: {config.training.get('objective')} ({config.objective}).",
            "",
            "```",
            f"python -m explorer train {recipe} --out RUN",
            "```",
        ]
    measured, beta = config.evaluation, config.beta()
    if measured:
        at = "" if beta is None else f", at β = {beta:g}"
        lines += [
            "",
            "## Measured",
            "",
            f"On {measured.count:,} images of {measured.data} ({measured.split}), seed {measured.seed}, "
            f"sampled latents, in nats an image{at}.",
            "",
            "| quantity | value |",
            "|---|---|",
            f"| reconstruction, −E[log p(x given z)] | {measured.reconstruction:.2f} |",
            f"| KL in all | {measured.kl:.2f} |",
            f"| active units, Var(µ) > 0.01 | {measured.active_units} of {config.latents} |",
        ]
        if measured.mig is not None:
            lines.append(f"| MIG, 20 bins, means, {measured.count:,} images | {measured.mig:.3f} |")
        lines += ["", "| dimension | KL (nats) |", "|---|---|"]
        order = sorted(enumerate(measured.kl_per_dimension), key=lambda pair: -pair[1])
        lines += [f"| z{index} | {value:.3f} |" for index, value in order]
    if config.curve:
        lines += ["", "| β | reconstruction | KL in all | active units |", "|---|---|---|---|"]
        for point in config.curve[:: max(1, len(config.curve) // 6)]:
            active = sum(value > ACTIVE_VARIANCE for value in point.activity)
            lines.append(f"| {point.beta:.3g} | {point.reconstruction:.2f} | {point.rate:.2f} | {active} |")
    return "\n".join(lines) + "\n" + card_section(config.doubts)
