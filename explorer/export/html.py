"""A model as one web page that works from a disk with no network: a slider for each latent, decoded live.

The page holds the decoder as ONNX and the ONNX runtime's single-threaded WebAssembly build, both
compressed; its own content policy forbids it to ask anything of any machine.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from explorer import paths
from explorer.checkpoints import Checkpoint
from explorer.checkpoints.card import card
from explorer.errors import UserError
from explorer.export.films import drawable, order_of
from explorer.export.onnx import decoder_onnx

PAGE = Path(__file__).resolve().parent / "page"
RUNTIME = "ort.wasm.bundle.min.mjs"
WASM = "ort-wasm-simd-threaded.wasm"
REACH = 3.0  # sliders run from −3 to +3 standard deviations of the prior
MAX_CARD_CHARACTERS = 100_000


def as_html(checkpoint: Checkpoint, kl: np.ndarray | None, about_kl: str) -> bytes:
    """The page as the bytes of an HTML file, about 6 MB with a small decoder.

    Args:
        kl: KL of each dimension in nats `(D,)`, by which sliders are ordered; None where unknown.
        about_kl: where the KL comes from, in words.

    Raises:
        UserError: the runtime is not in static/, or the packages that write ONNX are not installed.
    """
    drawable(checkpoint.model)
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "title": html.escape(f"{checkpoint.name}: Beta-VAE"),
        "style": (PAGE / "page.css").read_text(encoding="utf-8"),
        "script": script,
        "script_hash": digest,
        "model": as_script_text(_facts(checkpoint, kl, about_kl)),
        "decoder": _packed(decoder_onnx(checkpoint)),
        "runtime": _packed_runtime(RUNTIME),
        "wasm": _packed_runtime(WASM),
    }
    template = (PAGE / "page.html").read_text(encoding="utf-8")
    # One pass: what is put in is never searched for places again.
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
    return page.encode()


def as_script_text(value: Any) -> str:
    """A value as JSON that stays inert inside a `<script>` element, whatever text it holds."""
    text = json.dumps(value, allow_nan=False)  # ASCII, so U+2028 and its like are escaped already
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _facts(checkpoint: Checkpoint, kl: np.ndarray | None, about_kl: str) -> dict[str, Any]:
    model, config = checkpoint.model, checkpoint.config
    channels, height, width = model.shape
    facts = {
        "network": config.network,
        "latent dimensions": str(model.latents),
        "images": f"{height} x {width}, {'grey' if channels == 1 else 'colour'}",
        "likelihood": config.likelihood,
        "objective": config.objective,
        "data": str((config.training or {}).get("data") or ""),
        "KL of each dimension": about_kl,
    }
    order = order_of(model.latents, kl)
    return {
        "name": checkpoint.name,
        "shape": [channels, height, width],
        "latents": model.latents,
        "reach": REACH,
        "sliders": [{"index": j, "kl": None if kl is None else float(kl[j])} for j in order],
        "facts": {key: value for key, value in facts.items() if value},
        "card": _card_text(checkpoint),
    }


def _card_text(checkpoint: Checkpoint) -> str:
    """The model card without its machine-readable head."""
    try:
        with (checkpoint.path / "README.md").open(encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_CARD_CHARACTERS)
    except OSError:
        text = card(checkpoint.name, checkpoint.config)
    return re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL).strip()


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


@lru_cache(maxsize=2)
def _packed_runtime(name: str) -> str:
    try:
        return _packed((paths.PROJECT / "static" / name).read_bytes())
    except OSError as error:
        raise UserError(
            f"static/{name} can't be read ({error.strerror}); python explorer/live/build.py makes it again"
        ) from error
