"""Download: what the page shows as files. Each is made when somebody asks for it, none before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer import access
from explorer.checkpoints import Checkpoint, Description
from explorer.checkpoints.training_log import log_of
from explorer.errors import UserError, out_of_memory
from explorer.export.formats import FORMATS, ExportRequest, Format
from explorer.export.origin_record import Origin, origin
from explorer.export.stamps import stamped
from explorer.live import onnx_cache
from explorer.live.onnx_cache import Networks
from explorer.ui import page_cache
from explorer.ui.explore import session
from explorer.ui.text import sentence

FAILED = "takeaway.failed"
MANY = 32  # dimensions, from which on the pictures of a traversal stay as small as they are


@dataclass(frozen=True)
class TakenView:
    """What is taken away: a model, where its sliders stand and end, what is known of its KL."""

    description: Description
    z: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    known: page_cache.MeasuredKL | None
    networks: Networks | str | None  # or why there are none, or None while they are being made


def takeaway(
    description: Description,
    z: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    known: page_cache.MeasuredKL | None = None,
) -> None:
    """Show what can be taken away, and a sentence on what can't.

    Args:
        z: the present latents `(D,)`.
        low, high: ends of the sliders `(D,)`, which traversals go through.
        known: KL and activity, by which rows are ordered and labelled; else what the checkpoint says.
    """
    known = known or page_cache.claimed(description)
    shown = TakenView(description, z, low, high, known, onnx_cache.prepare(description))
    stem = re.sub(r"[^\w.-]+", "-", description.name).strip("-.") or "model"
    stem += "-doubtful" if description.config.doubts else ""
    failed: dict[str, str] = st.session_state.setdefault(FAILED, {})
    params = session.to_params(session.state()) | {"model": [description.name]}
    where = origin("explore", params, [description])
    complaints = []
    with st.expander("Download", icon=":material/download:", key="takeaway"):
        st.caption(
            "The picture at the present latents; the traversal of every dimension from there, over the "
            "range of its slider; the model itself; and a page that works from a disk with no network."
        )
        if why := access.why_not("export"):
            st.caption(sentence(why))
            return
        with st.container(horizontal=True, gap="small"):
            for form in offered():
                why = hindrance(shown, form)
                if why:
                    complaints.append(f"{form.title}: {why}")
                st.download_button(
                    form.title,
                    _noted(form, shown, where, failed),
                    f"{stem}{form.suffix}",
                    form.mime,
                    key=f"takeaway{form.suffix}",
                    on_click="ignore",
                    disabled=bool(why),
                )
        for complaint in dict.fromkeys([*complaints, *failed.values()]):
            st.caption(sentence(complaint))
        failed.clear()


def offered() -> list[Format]:
    """The formats that a browser can be given."""
    return [form for form in FORMATS.values() if not form.folder]


def _noted(form: Format, shown: TakenView, where: Origin, failed: dict[str, str]) -> Callable[[], bytes]:
    """Make it at a click: that runs outside of any session, so what goes wrong is said the next time."""

    def made() -> bytes:
        try:
            return stamped(form.make(scene(shown, form)), form.suffix, where)
        except (UserError, MemoryError, RuntimeError) as error:
            known = error if isinstance(error, UserError) else out_of_memory(error)
            if known is not None:
                failed[form.title] = f"{form.title}: {known}"
            raise

    return made


def scene(shown: TakenView, form: Format) -> ExportRequest:
    """What the format is made of, as large as the page shows things."""
    about, known = shown.description, shown.known
    small = form.steps and about.config.latents > MANY
    scale = 1 if small else max(1, round(form.size / max(about.config.shape[1:])))
    return ExportRequest(
        Checkpoint(about.name, about.path, about.config, about.hash, page_cache.model(about), about.beta),
        np.array(shown.z),
        (shown.low, shown.high),
        None if known is None else np.array(known.kl),
        "unknown" if known is None else known.words,
        form.steps,
        scale,
        None if known is None else known.active,
        lambda: _files(shown),
        images=lambda: page_cache.dataset(about),
    )


def hindrance(shown: TakenView, form: Format) -> str:
    """Why the format can't be made here and now; empty where it can."""
    if form.needs == "networks":
        if shown.networks is None:
            return "the model is being exported, which takes some seconds"
        if isinstance(shown.networks, str):
            return f"this model can't be exported ({shown.networks})"
    if form.needs == "images" and page_cache.torch_is_here():
        try:
            page_cache.dataset(shown.description)
        except UserError as error:
            return f"the model's images are not at hand ({error})"
    if form.needs == "log" and log_of(shown.description.path) is None:
        return "no log of its training is here"
    if form.needs == "films" and page_cache.torch_is_here():  # else the page comes again
        from explorer.export.films import check_films

        try:
            check_films()
        except UserError as error:
            return str(error)
    return ""


def _files(shown: TakenView) -> tuple[bytes, bytes]:
    files = shown.networks
    if not isinstance(files, Networks):
        raise UserError("the model is not exported yet")
    try:
        return files.decoder.read_bytes(), files.encoder.read_bytes()
    except OSError as error:
        raise UserError("the exported model is gone: load the page again") from error
