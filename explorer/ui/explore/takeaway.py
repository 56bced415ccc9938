"""Take it away: what the page shows as files. Each is made when somebody asks for it, none before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer import access
from explorer.checkpoints import Checkpoint, Description
from explorer.checkpoints.doubts import sentence_of
from explorer.checkpoints.labels import read_labels
from explorer.errors import UserError, out_of_memory
from explorer.live import networks
from explorer.live.networks import Networks
from explorer.ui import cached
from explorer.ui.text import sentence

if TYPE_CHECKING:
    from explorer.export.films import TraversalSheet

FAILED = "takeaway.failed"
STEPS = {"grid": 11, "gif": 31, "mp4": 41}
PICTURE = 512  # pixels that the picture is near to, and a picture of a traversal
CELL = 128
MANY = 32  # dimensions, from which on the pictures of a traversal stay as small as they are


@dataclass(frozen=True)
class Scene:
    """What is taken away: a model, where its sliders stand and end, what is known of its KL."""

    description: Description
    z: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    known: cached.Measured | None
    networks: Networks | str | None  # or why there are none, or None while they are being made

    @property
    def doubts(self) -> str:
        """What speaks against how the model was read, for the files; empty where nothing does."""
        return sentence_of(self.description.config)


def takeaway(
    description: Description,
    z: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    known: cached.Measured | None = None,
) -> None:
    """Show what can be taken away, and a sentence on what can't.

    Args:
        z: the present latents `(D,)`.
        low, high: ends of the sliders `(D,)`, which traversals go through.
        known: KL and activity, by which rows are ordered and labelled; else what the checkpoint says.
    """
    known = known or cached.claimed(description)
    scene = Scene(description, z, low, high, known, networks.prepare(description))
    stem = re.sub(r"[^\w.-]+", "-", description.name).strip("-.") or "model"
    stem += "-doubtful" if scene.doubts else ""
    failed: dict[str, str] = st.session_state.setdefault(FAILED, {})
    complaints = []
    with st.expander("Take it away", icon=":material/download:", key="takeaway"):
        st.caption(
            "The picture at the present latents; the traversal of every dimension from there, over the "
            "range of its slider; the model itself; and a page that works from a disk with no network."
        )
        if why := access.why_not("export"):
            st.caption(sentence(why))
            return
        with st.container(horizontal=True, gap="small"):
            for label, name, mime, make, hindrance in FORMS:
                why = hindrance(scene)
                if why:
                    complaints.append(f"{label}: {why}")
                st.download_button(
                    label,
                    _noted(label, make, scene, failed),
                    f"{stem}{name}",
                    mime,
                    key=f"takeaway{name}",
                    on_click="ignore",
                    disabled=bool(why),
                )
        for complaint in dict.fromkeys([*complaints, *failed.values()]):
            st.caption(sentence(complaint))
        failed.clear()


def _noted(label: str, make: Callable[[Scene], bytes], scene: Scene, failed: dict[str, str]) -> Callable[[], bytes]:
    """`make` for a click: it runs outside of any session, so what goes wrong is said the next time."""

    def made() -> bytes:
        try:
            return make(scene)
        except (UserError, MemoryError, RuntimeError) as error:
            known = error if isinstance(error, UserError) else out_of_memory(error)
            if known is not None:
                failed[label] = f"{label}: {known}"
            raise

    return made


# --- what can be made -------------------------------------------------------------------------------


def _picture(scene: Scene) -> bytes:
    from explorer.export.films import as_picture

    return as_picture(_model(scene).model, np.array(scene.z), _scale(scene, PICTURE), scene.doubts)


def _grid(scene: Scene) -> bytes:
    from explorer.export.films import as_png

    return as_png(_sheet(scene, STEPS["grid"]), _cell(scene), scene.doubts)


def _gif(scene: Scene) -> bytes:
    from explorer.export.films import as_gif

    return as_gif(_sheet(scene, STEPS["gif"]), _cell(scene), scene.doubts)


def _mp4(scene: Scene) -> bytes:
    from explorer.export.films import as_mp4

    return as_mp4(_sheet(scene, STEPS["mp4"]), _cell(scene), scene.doubts)


def _decoder(scene: Scene) -> bytes:
    return _files(scene)[0]


def _encoder(scene: Scene) -> bytes:
    return _files(scene)[1]


def _html(scene: Scene) -> bytes:
    from explorer.export.html import as_html

    known = scene.known
    return as_html(
        _model(scene),
        None if known is None else known.kl,
        "unknown" if known is None else known.words,
        scene.z,
        (scene.low, scene.high),
        None if known is None else known.active,
        _files(scene),
    )


def _always(scene: Scene) -> str:
    return ""


def _without_films(scene: Scene) -> str:
    if not cached.torch_is_here():  # nor anything else that is slow to import; the page comes again
        return ""
    from explorer.export.films import check_films

    try:
        check_films()
    except UserError as error:
        return str(error)
    return ""


def _without_networks(scene: Scene) -> str:
    if scene.networks is None:
        return "the model is being exported, which takes some seconds"
    if isinstance(scene.networks, str):
        return f"this model can't be exported ({scene.networks})"
    return ""


FORMS: tuple[tuple[str, str, str, Callable[[Scene], bytes], Callable[[Scene], str]], ...] = (
    ("Picture, PNG", ".png", "image/png", _picture, _always),
    ("Traversal, PNG", "-traversal.png", "image/png", _grid, _always),
    ("Traversal, GIF", ".gif", "image/gif", _gif, _always),
    ("Traversal, MP4", ".mp4", "video/mp4", _mp4, _without_films),
    ("Decoder, ONNX", ".onnx", "application/octet-stream", _decoder, _without_networks),
    ("Encoder, ONNX", ".encoder.onnx", "application/octet-stream", _encoder, _without_networks),
    ("Web page, HTML", ".html", "text/html", _html, _without_networks),
)


def _model(scene: Scene) -> Checkpoint:
    about = scene.description
    return Checkpoint(about.name, about.path, about.config, about.hash, cached.model(about))


def _sheet(scene: Scene, steps: int) -> TraversalSheet:
    from explorer.export.films import traversal_sheet

    kl = None if scene.known is None else np.array(scene.known.kl)
    return traversal_sheet(
        _model(scene).model,
        kl,
        steps,
        start=np.array(scene.z),
        labels=read_labels(scene.description.path),
        ends=(np.array(scene.low), np.array(scene.high)),
    )


def _files(scene: Scene) -> tuple[bytes, bytes]:
    files = scene.networks
    if not isinstance(files, Networks):
        raise UserError(_without_networks(scene))
    try:
        return files.decoder.read_bytes(), files.encoder.read_bytes()
    except OSError as error:
        raise UserError("the exported model is gone: load the page again") from error


def _scale(scene: Scene, size: int) -> int:
    return max(1, round(size / max(scene.description.config.shape[1:])))


def _cell(scene: Scene) -> int:
    return 1 if scene.description.config.latents > MANY else _scale(scene, CELL)
