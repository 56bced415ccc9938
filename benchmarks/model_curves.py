"""The numbers behind the curves of many models, against a bare pass of the same images through them.

    python benchmarks/model_curves.py [--models 50] [--network compact] [--count 500]

All in one run: the peer encodes and decodes the same images with each model, already loaded, on all
threads. Ours reads each checkpoint, draws the images, computes all that the page Compare shows of it and
keeps it: the first time, again after a restart (from the disk), and again at once. Figures are built too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.analysis.summary import Summary
    from explorer.ui.compare.families import CurveModel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    """Make the models, measure them in every way, and print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--network", default="compact")
    parser.add_argument("--count", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["BETA_VAE_HOME"] = home
        _compare(asked.models, asked.network, asked.count)


def _compare(models: int, network: str, count: int) -> None:
    import streamlit as st
    import torch

    from explorer.analysis.evaluation import PART, choose
    from explorer.analysis.summary import Summary
    from explorer.checkpoints import ModelConfig, describe, load, save
    from explorer.checkpoints.store import build_model
    from explorer.datasets import open_dataset
    from explorer.ui.compare.families import CurveModel
    from explorer.ui.summaries import summaries

    threads = torch.get_num_threads()
    config = ModelConfig.model_validate({"network": network, "shape": (1, 64, 64), "latents": 10})
    for number in range(models):
        torch.manual_seed(number)
        recipe = {"data": "dsprites", "network": network, "beta": float(number + 1)}
        save(build_model(config), f"model-{number}", training=recipe)
    names = [f"model-{number}" for number in range(models)]
    loaded = [load(name).model for name in names]
    data = open_dataset("dsprites", size=64)
    images = data.images(choose(data, count, 0)).float() / 255

    def bare() -> float:
        began = time.perf_counter()
        with torch.inference_mode():
            for model in loaded:
                for batch in images.split(PART):
                    model.decode(model.encode(batch).mean)
        return time.perf_counter() - began

    def ours() -> float:
        began = time.perf_counter()
        descriptions = [describe(name) for name in names]
        found = summaries(descriptions, count)
        pairs = [
            (CurveModel(n, d), s) for n, d, s in zip(names, descriptions, found, strict=True) if isinstance(s, Summary)
        ]
        assert len(pairs) == models
        _draw(pairs)
        return time.perf_counter() - began

    bare()  # the allocator warms up
    peer = bare()
    cold = ours()
    torch.set_num_threads(threads)  # the page takes half of them for a model
    peer = min(peer, bare())
    st.cache_resource.clear()
    restarted, warm = ours(), ours()
    print(f"{models} {network} models on {count:,} images of 64 px, {os.cpu_count()} cores")
    print(f"bare encode and decode of them   {peer:7.2f} s")
    for words, seconds in (("the first time", cold), ("from the disk", restarted), ("again", warm)):
        print(f"all numbers and figures, {words:14s} {seconds:7.2f} s, ratio {seconds / peer:.3f}")


def _draw(pairs: list[tuple[CurveModel, Summary]]) -> None:
    """The figures, as the page draws them."""
    from explorer.figures.betas import PARTS, UNITS, kl_by_rank, label, stacked
    from explorer.figures.rates import Rated, rate_distortion

    costs = [s.evaluation for _, s in pairs]
    rate_distortion(
        [Rated(m.name, e.kl, e.reconstruction, beta=m.beta) for (m, _), e in zip(pairs, costs, strict=True)]
    )
    labels = [label(m.name, m.beta) for m, _ in pairs]
    names = ("mutual_information", "total_correlation", "dimension_wise_kl")
    parts = {
        words: [getattr(s.decomposition, name) for _, s in pairs] for words, name in zip(PARTS, names, strict=True)
    }
    stacked(labels, parts, PARTS, "nats")
    stacked(labels, {kind: [s.units(kind) for _, s in pairs] for kind in UNITS}, UNITS, "dimensions")
    kl_by_rank([m.beta or 0 for m, _ in pairs], [e.kl_per_dimension.tolist() for e in costs])


if __name__ == "__main__":
    main()
