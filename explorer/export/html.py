"""A model as one web page that works from a disk with no network: the live explorer, and all it needs.

The page holds decoder and encoder as ONNX, the explorer's own script, and the ONNX runtime's
single-threaded WebAssembly build, all compressed; its own content policy forbids it to ask anything of
any machine.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from explorer import paths
from explorer.analysis.ranges import value_range
from explorer.checkpoints import Checkpoint
from explorer.checkpoints.card import card
from explorer.checkpoints.config import ACTIVE_VARIANCE
from explorer.checkpoints.doubts import sentence_of
from explorer.checkpoints.labels import read_labels
from explorer.errors import UserError
from explorer.export.films import drawable
from explorer.export.formats import ExportRequest
from explorer.export.onnx import decoder_onnx, encoder_onnx
from explorer.live.payload import payload

PAGE = Path(__file__).resolve().parent / "page"
STYLE = paths.PROJECT / "explorer" / "front"
PARTS = {  # of static/
    "live": "live.mjs",
    "runtime": "ort.wasm.bundle.min.mjs",
    "wasm": "ort-wasm-simd-threaded.wasm.gz",
}
REACH = 3.0  # sliders run from −3 to +3 standard deviations of the prior, unless told otherwise
MAX_CARD_CHARACTERS = 100_000


def as_html(
    checkpoint: Checkpoint,
    kl: Sequence[float] | np.ndarray | None,
    about_kl: str,
    z: Sequence[float] | np.ndarray | None = None,
    ends: tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray] | None = None,
    active: Sequence[bool] | None = None,
    networks: tuple[bytes, bytes] | None = None,
) -> bytes:
    """The page as the bytes of an HTML file, about 6 MB with a small model.

    Args:
        kl: KL of each dimension in nats `(D,)`, by which sliders are ordered; None where unknown.
        about_kl: where the KL comes from, in words.
        z: latents `(D,)` that the page opens at, and returns to; if left out, those that the model is first shown at.
        ends: lowest and highest value of each slider, both `(D,)`.
        active: which dimensions are active; as the checkpoint's own evaluation says if left out.
        networks: the model's decoder and encoder as ONNX, where they have been exported already.

    Raises:
        UserError: the browser's scripts are not in static/, or the packages that write ONNX are not
            installed.
    """
    drawable(checkpoint.model, checkpoint.config.samples)
    latents = checkpoint.model.latents
    first = checkpoint.config.first_image
    if z is None:
        z = np.zeros(latents) if first is None else first.mean
    start = np.asarray(z)
    low, high = value_range("fixed", latents, span=REACH) if ends is None else ends
    decoder, encoder = networks or (decoder_onnx(checkpoint, True), encoder_onnx(checkpoint, True))
    return page(
        checkpoint.name,
        _summary(checkpoint),
        _facts(checkpoint, about_kl),
        _card_text(checkpoint),
        _data(checkpoint, kl, active, start, low, high),
        {"decoder": decoder, "encoder": encoder},
        [f"This model is {sentence_of(checkpoint.config)}"] if checkpoint.config.doubts else (),
    )


def page_of(scene: ExportRequest) -> bytes:
    """The page of a scene."""
    networks = None if scene.networks is None else scene.networks()
    return as_html(scene.checkpoint, scene.kl, scene.about_kl, scene.z, scene.ends, scene.active, networks)


def page(
    name: str,
    summary: str,
    facts: Mapping[str, str],
    text: str,
    data: dict[str, Any],
    networks: Mapping[str, bytes],
    doubts: Sequence[str] = (),
) -> bytes:
    """A page that opens the explorer of `data` (see front/main.ts), with these networks inside.

    Args:
        facts, text: what it tells about its models when asked.
        networks: ONNX files by the names that the explorer asks for.
        doubts: what speaks against how models were read, a sentence each; they stand above the explorer.

    Raises:
        UserError: the browser's scripts are not in static/.
    """
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    static = {part: _packed_static(file) for part, file in PARTS.items()}
    styles = [STYLE / "live.css", STYLE / "compare.css", PAGE / "page.css"]
    packed = [f'<script type="text/plain" id="{part}">{_packed(file)}</script>' for part, file in networks.items()]
    parts = static | {
        "name": html.escape(name),
        "summary": html.escape(summary),
        "doubts": "".join(f'<p class="doubt" role="note">{html.escape(d)}.</p>' for d in doubts),
        "style": "".join(style.read_text(encoding="utf-8") for style in styles),
        "script": script,
        "script_hash": digest,
        "facts": "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts.items() if v),
        "which": "this model" if text else "these models",
        "card": f"<pre>{html.escape(text)}</pre>" if text else "",
        "model": as_script_text(data),
        "networks": "\n".join(packed),
    }
    template = (PAGE / "page.html").read_text(encoding="utf-8")
    # One pass: what is put in is never searched for places again.
    made = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
    return made.encode(errors="replace")


def as_script_text(value: Any) -> str:
    """A value as JSON that stays inert inside a `<script>` element, whatever text it holds."""
    text = json.dumps(value, allow_nan=False)  # ASCII, so U+2028 and its like are escaped already
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(checkpoint: Checkpoint, kl: Any, active: Any, start: Any, low: Any, high: Any) -> dict[str, Any]:
    """What the explorer is given."""
    known = checkpoint.evaluation
    if active is None and known is not None and known.activity is not None:
        active = [value > ACTIVE_VARIANCE for value in known.activity]
    labels = read_labels(checkpoint.path)
    return payload(checkpoint, labels, kl, active, low, high, start, z=start)


def _summary(checkpoint: Checkpoint) -> str:
    objective = checkpoint.config.objective
    latents = checkpoint.model.latents
    which = "its latent dimension" if latents == 1 else f"one of its {latents} latent dimensions"
    return (
        f"A Beta-VAE{' with ' + objective if objective else ''}. Each slider is {which}, and the "
        f"picture is what the {checkpoint.config.network} decoder makes of them, computed in this page."
    )


def _facts(checkpoint: Checkpoint, about_kl: str) -> dict[str, str]:
    config = checkpoint.config
    channels, height, width = config.shape
    return {
        "network": config.network,
        "latent dimensions": str(config.latents),
        "images": f"{height} x {width}, {'grey' if channels == 1 else 'colour'}",
        "likelihood": config.likelihood,
        "objective": config.objective,
        "data": str((config.training or {}).get("data") or ""),
        "KL of each dimension": about_kl,
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


def _packed_static(name: str) -> str:
    file = paths.PROJECT / "static" / name
    try:
        status = file.stat()
        return _packed_file(file, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise UserError(
            f"static/{name} can't be read ({error.strerror}); python -m explorer.front.build makes it again"
        ) from error


@lru_cache(maxsize=len(PARTS))
def _packed_file(file: Path, changed: int, size: int) -> str:
    content = file.read_bytes()
    return base64.b64encode(content).decode() if file.suffix == ".gz" else _packed(content)
