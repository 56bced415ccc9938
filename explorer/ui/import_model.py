"""Bring a model from elsewhere into the library, from a page: see what it is, correct what was inferred, keep it.

`import_panel` and `give_panel` are the page's; what they do is in `explorer.checkpoints.importing` and
`explorer.export.hub`.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer import access, paths, stages
from explorer.checkpoints import Description, load
from explorer.datasets.names import DATASETS
from explorer.errors import UserError, out_of_memory
from explorer.ui import cached
from explorer.ui.access import upload_mb
from explorer.ui.pictures import sheet
from explorer.ui.staging import hold
from explorer.ui.text import plain, sentence, size

if TYPE_CHECKING:
    from explorer.checkpoints.choices import Choices
    from explorer.checkpoints.importing import Found
    from explorer.checkpoints.onnx_model import Graphs
    from explorer.checkpoints.reading import Reading
    from models.beta_vae import BetaVAE

HELD, FAILED = "import-held", "import-failed"
SOURCES = {
    "file": "A file",
    "address": "An address",
    "published": "Published",
    "folder": "On this machine",
}
SAMPLES, COUNT = 8, 200
CHOICES = {  # what a person may correct, and what the question is
    "halves": "Which outputs of the encoder are the mean",
    "spread": "What the other outputs are",
    "activation": "Activation in the encoder",
    "decoder_activation": "Activation in the decoder",
    "output": "What the decoder ends in",
    "pixels": "How pixels were scaled in training",
    "pooling": "What the encoder pools",
    "upsampling": "How the decoder upsamples",
    "edges": "What stands beyond the edges in the decoder",
    "encoder_edges": "What stands beyond the edges in the encoder",
}
WHETHER = {  # the same, to be answered by yes or no
    "head_activation": "An activation stands before the encoder's last layer",
    "entry_activation": "An activation stands between the decoder's first two dense layers",
    "bridge": "An activation stands before the decoder's first convolution",
    "exit_activation": "An activation stands behind the decoder's last layer",
}


@dataclass
class Held:
    """What was found and not kept yet; its files are gone when `files` is closed."""

    found: Found
    files: ExitStack
    seen: dict[Any, Any] = field(
        default_factory=dict
    )  # what was computed of it, by what it was computed with


def import_panel(folders: Sequence[Path] | None = None, disabled: bool = False) -> str | None:
    """Draw the panel. Returns the name of a model that was put into the library in this very run.

    Args:
        folders: folders of the server that a person may name a path in; those that `access` gives where left
            out, which on one's own machine are all.
        disabled: only say why nothing can be imported (a visitor who may only read).
    """
    if disabled:
        st.info("Importing is off for visitors of this server.", icon=":material/lock:")
        return None
    st.caption(
        "A checkpoint of this program; disentangling-vae's model.pt with its specs.json; the state dict of "
        "any VAE of convolutions and dense layers; or an encoder and a decoder as ONNX, which are taken as they are. "
        "Files are read as plain numbers: no code in them is ever run."
    )
    kind = st.segmented_control(
        "Where it is",
        list(SOURCES),
        default="file",
        format_func=SOURCES.__getitem__,
        key="import-kind",
    )
    name = None
    if kind == "file":
        _from_files()
    elif kind == "address":
        _from_address()
    elif kind == "folder":
        _from_folder(access.folders() if folders is None else folders)
    elif kind == "published":
        name = _from_catalogue()
    failed = st.session_state.pop(FAILED, None)
    if failed:
        st.error(sentence(failed))
    held: Held | None = st.session_state.get(HELD)
    return name if held is None else _examine(held) or name


# --- where it comes from ----------------------------------------------------------------------------


def _from_files() -> None:
    files = st.file_uploader(
        "The file, and those that belong to it (specs.json; config.json with model.safetensors; the decoder's)",
        accept_multiple_files=True, key="import-files", max_upload_size=upload_mb(),
    )  # fmt: skip
    if st.button(
        "Look at it", key="import-look-files", disabled=not files, icon=":material/search:"
    ):
        stack = ExitStack()
        try:
            folder = stack.enter_context(stages.staged(paths.library()))
            access.mark(folder)
            access.room(sum(file.size for file in files))
            given = folder / _stem(
                next((f.name for f in files if not f.name.endswith((".json", ".md"))), "model")
            )
            given.mkdir()
            for file in files:
                (given / _safe(file.name)).write_bytes(file.getbuffer())
        except (UserError, OSError) as error:
            stack.close()
            _fail(error)
            return
        weights = [f.name for f in files if not f.name.endswith((".json", ".md"))]
        alone = len(weights) == len(files) <= 2
        _look([given / _safe(name) for name in weights] if alone else given, stack)


def _from_address() -> None:
    text = st.text_input(
        "A repository of the Hugging Face hub, or the address of a file", key="import-address",
        placeholder="owner/name, or https://…", max_chars=1000,
    )  # fmt: skip
    if st.button(
        "Fetch it", key="import-fetch", disabled=not text.strip(), icon=":material/download:"
    ):
        from explorer.checkpoints.fetching import is_address

        if is_address(text.strip()):
            _look(text.strip(), ExitStack())
        else:
            _fail(UserError(f"{text.strip()[:120]!r} is not an address: owner/name, or https://…"))


def _from_folder(folders: Sequence[Path] | None) -> None:
    text = st.text_input("Path on this machine", key="import-path", max_chars=1000)
    if folders is not None:
        st.caption("In " + " or ".join(plain(str(folder)) for folder in folders))
    if st.button(
        "Look at it", key="import-look-folder", disabled=not text.strip(), icon=":material/search:"
    ):
        try:
            path = Path(text.strip()).expanduser().resolve()
            inside = folders is None or any(path.is_relative_to(f.resolve()) for f in folders)
        except (OSError, ValueError, RuntimeError):
            inside = False
        if inside:
            _look(path, ExitStack())
        else:
            _fail(UserError(f"{text.strip()[:120]!r} is not within the folders that may be read"))


def _from_catalogue() -> str | None:
    from explorer.checkpoints.published import PUBLISHED, fetch

    name = st.selectbox("Published checkpoint", list(PUBLISHED), key="import-published")
    entry = PUBLISHED[name]
    st.markdown(
        f"{plain(entry.shows)}  \n{plain(entry.source)} · {entry.licence} · {size(entry.bytes)}"
    )
    for file in entry.files:
        st.caption(f"{plain(file.name)}: {file.bytes:,} bytes, SHA-256 `{file.sha256}`")
    if st.button("Fetch and keep", key="import-fetch-published", icon=":material/download:"):
        try:
            with st.spinner("Fetching"):
                fetch(name)
            return name
        except UserError as error:
            _fail(error)
    return None


def _look(source: str | Path | list[Path], stack: ExitStack) -> None:
    """Read what is there and hold it; what was held before is let go."""
    from explorer.checkpoints.importing import look

    discard()
    try:
        with st.spinner("Reading; what its names and shapes leave open is tried out"):
            found = stack.enter_context(look(source, private=False))
            st.session_state[HELD] = Held(found, stack)
            hold(stack.close)
    except (UserError, MemoryError, RuntimeError, OSError) as error:
        stack.close()
        _fail(error)


def discard() -> None:
    """Let go of what was found and not kept."""
    held = st.session_state.pop(HELD, None)
    if held is not None:
        held.files.close()
    for key in list(st.session_state):
        if str(key).startswith("import-choice-") or key in ("import-name", "import-data"):
            del st.session_state[key]


def _fail(error: Exception) -> None:
    known = error if isinstance(error, UserError) else out_of_memory(error)
    if known is None and isinstance(error, RuntimeError):
        raise error
    st.session_state[FAILED] = str(known or error)


def _safe(name: str) -> str:
    return re.sub(r"[^\w.+-]", "-", Path(name.replace("\\", "/")).name).lstrip(".")[:100] or "model"


def _stem(name: str) -> str:
    return Path(_safe(name)).stem or "model"


# --- what it is -------------------------------------------------------------------------------------


def _examine(held: Held) -> str | None:
    """What was found, its pictures, what to correct, and the button that keeps it."""
    found = held.found
    slot = st.empty()
    with slot.container(border=True):
        st.markdown(f"**{plain(found.name)}**: {plain(found.kind)}")
        pictures, model = st.container(), None
        try:
            if found.reading is not None:
                grounds = st.container()
                found = found.corrected(**_corrections(found.reading))
                with grounds:
                    _grounds(found.reading)
            if found.graphs is not None:
                grounds = st.container()
                found = found.corrected(**_graph_corrections(found.graphs))
                assert found.graphs is not None
                with grounds:
                    st.table(_rows(found.graphs.table()), hide_index=True)
                    _warn(found.doubts)
            with pictures:
                model = _pictures(found, held)
        except UserError as error:
            pictures.error(sentence(error))
        data = _data(found)
        if model is not None and data is not None:
            _reconstructions(model, data, found, held)
        name = st.text_input(
            "Its name in the library", found.name, key="import-name", max_chars=300
        )
        looked = False
        if found.doubts:
            looked = st.checkbox(
                "I have compared the pictures: it is read right", key="import-choice-settled"
            )
        with st.container(horizontal=True):
            keeps = st.button(
                "Keep",
                type="primary",
                key="import-keep",
                disabled=model is None or not name.strip(),
            )
            st.button("Discard", key="import-discard", on_click=discard)
    if not keeps:
        return None
    from explorer.checkpoints.importing import keep

    try:
        keep(found.without_doubts() if looked else found, name.strip(), data)
    except UserError as error:
        st.error(sentence(error))
        return None
    held.files.close()
    st.session_state.pop(HELD, None)
    slot.empty()
    st.toast(f"{plain(name.strip())} is in your library", icon=":material/check:")
    return name.strip()


def _corrections(reading: Reading) -> dict[str, Any]:
    """The choices of the person that are others than were inferred."""
    from explorer.checkpoints import choices as read

    options = {
        "halves": read.HALVES if len(reading.chains.heads) == 1 else read.HALVES[:2],
        "spread": read.SPREADS, "mean_activation": ("none", "relu"),
        "activation": read.ACTIVATIONS, "decoder_activation": read.ACTIVATIONS,
        "output": read.OUTPUTS, "pixels": read.PIXELS,
        "pooling": read.POOLING, "upsampling": read.UPSAMPLING,
        "edges": read.EDGES, "encoder_edges": read.EDGES,
    }  # fmt: skip
    known = reading.choices
    given: dict[str, Any] = {}
    with st.expander("Correct what was inferred", icon=":material/edit:", key="import-correct"):
        if len(reading.geometries) > 1:
            texts = reading.geometry_words()
            given["geometry"] = st.selectbox(
                "Image size, strides and paddings", range(len(texts)), known.geometry,
                format_func=texts.__getitem__, key="import-choice-geometry",
            )  # fmt: skip
        elif not reading.geometries:
            for side in ("height", "width"):
                given[side] = st.number_input(
                    f"{side.capitalize()} of the images",
                    1,
                    1024,
                    getattr(known, side),
                    key=f"import-choice-{side}",
                )
        for name, question in CHOICES.items():
            if not reading.leaves_open(name):
                continue
            values = list(options[name])
            given[name] = st.selectbox(
                question, values, values.index(getattr(known, name)), key=f"import-choice-{name}"
            )
        given |= _likelihood(known, given)
        if "leaky-relu" in (given["activation"], given["decoder_activation"]):
            given["slope"] = st.number_input(
                "Slope of leaky-relu below 0",
                0.0,
                1.0,
                known.slope,
                0.01,
                key="import-choice-slope",
            )
        for name, question in WHETHER.items():
            if reading.leaves_open(name) or name == "exit_activation":
                given[name] = st.checkbox(
                    question, getattr(known, name), key=f"import-choice-{name}"
                )
        steps = _steps(reading)
    changed = {name: value for name, value in given.items() if value != getattr(known, name)}
    return changed | ({"steps": steps} if steps else {})


def _likelihood(known: Choices, given: dict[str, Any]) -> dict[str, Any]:
    """The likelihood and σ, and by what pixels were standardised where they were."""
    usual = "bernoulli" if given["output"] == "sigmoid" else "gaussian"
    names = ["bernoulli", "gaussian"] if given["output"] == "sigmoid" else ["gaussian"]
    kind = known.likelihood if known.likelihood in names else usual
    found: dict[str, Any] = {}
    chosen = st.selectbox(
        "Likelihood of the pixels", names, names.index(kind), key="import-choice-likelihood",
        help="Which loss it was trained with: cross-entropy is Bernoulli, a squared error Gaussian.",
    )  # fmt: skip
    if chosen != usual or known.likelihood is not None:
        found["likelihood"] = chosen
    numbers = {"sigma": "σ of the Gaussian, of pixels from 0 to 1"} if chosen == "gaussian" else {}
    if given["pixels"] == "standardised":
        numbers |= {
            "pixel_mean": "What was taken off pixels",
            "pixel_std": "What they were divided by",
        }
    for name, question in numbers.items():
        low = -10.0 if name == "pixel_mean" else 0.002
        found[name] = st.number_input(
            question,
            low,
            10.0,
            getattr(known, name),
            0.01,
            format="%.4f",
            key=f"import-choice-{name}",
        )
    return found


def _steps(reading: Reading) -> dict[str, dict[str, int]]:
    """Strides, paddings and pools that the person wrote into the table of convolutions."""
    rows = [
        {"layer": link.piece.name, "stride": step.stride, "padding": step.padding,
         "output_padding": step.output_padding, "pool": step.pool, "upsample": step.upsample}
        for step, link in reading.convolutions()
    ]  # fmt: skip
    if not rows:
        return {}
    st.caption(
        "Strides and paddings of each convolution; what you write stands, the rest is found."
    )
    edited = st.data_editor(
        rows, hide_index=True, disabled=["layer"], key="import-choice-steps", num_rows="fixed"
    )
    found: dict[str, dict[str, int]] = {}
    for before, after in zip(rows, edited, strict=True):
        own = {
            k: int(str(v))
            for k, v in after.items()
            if k != "layer" and v is not None and v != before[k]
        }
        if own:
            found[str(before["layer"])] = own
    return found


def _graph_corrections(graphs: Graphs) -> dict[str, Any]:
    """What the person says of graphs; None where it is found out."""
    from explorer.checkpoints.onnx_parts import GRAPH_CHOICES

    given: dict[str, Any] = {}
    with st.expander("Correct what was inferred", icon=":material/edit:", key="import-correct"):
        for name, (question, values) in GRAPH_CHOICES.items():
            if name == "halves" and not graphs.one_row():
                continue
            given[name] = st.selectbox(
                question, [None, *values], key=f"import-choice-{name}",
                format_func=lambda value: "find out" if value is None else value,
            )  # fmt: skip
        if given["likelihood"] == "gaussian":
            given["sigma"] = st.number_input(
                "σ, in pixel values from 0 to 1", 0.001, 10.0, 0.1, key="import-choice-sigma"
            )
    return {name: value for name, value in given.items() if value is not None}


def _pictures(found: Found, held: Held) -> BetaVAE:
    """Images decoded from the prior; returns the model.

    Raises:
        UserError: it can't be built.
    """
    key = _choices(found)
    if key not in held.seen:
        with st.spinner("Decoding"):
            from explorer.checkpoints.trial import samples

            model = found.model()
            held.seen[key] = model, samples(model, SAMPLES)
    model, images = held.seen[key]
    shape = " x ".join(str(n) for n in model.shape[1:])
    grey = "grey" if model.shape[0] == 1 else "colour"
    sheet(images[None], 80).show(
        f"{SAMPLES} images that the model decodes from the prior",
        f"{SAMPLES} images decoded from the prior (seed 0): {shape} pixels, {grey}, {model.latents} latents",
    )
    return model


def _rows(table: Iterable[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [
        {"what": what, "taken to be": value, "on the ground of": why} for what, value, why in table
    ]


def _warn(doubts: Iterable[str]) -> None:
    for doubt in doubts:
        st.warning(plain(sentence(f"doubtful: {doubt}"), 600), icon=":material/help:")


def _grounds(reading: Reading | None) -> None:
    """What was taken for what, on which ground, and the layers."""
    assert reading is not None
    st.table(_rows(reading.table()), hide_index=True)
    said = reading.found_words()
    st.caption(
        f"Tried out without images: {plain(said, 600)}. A guess is not more than that: compare the pictures."
    )
    _warn(reading.doubts.values())
    for note in reading.notes:
        st.caption(plain(note))
    with st.expander("Its layers", icon=":material/layers:", key="import-layers"):
        left, right = st.columns(2)
        for column, (part, layers) in zip((left, right), reading.words().items(), strict=True):
            lines = "\n".join(f"{i}. {plain(layer)}" for i, layer in enumerate(layers, 1))
            column.markdown(f"**{part.capitalize()}**\n\n{lines}")


def _choices(found: Found) -> Any:
    """What makes one reading of a file another."""
    if found.graphs is not None and found.graphs.built is not None:
        return found.graphs.built.choices
    return found.reading and found.reading.choices


def _data(found: Found) -> str | None:
    """The data set that the model goes with: what it says itself, else what the person says."""
    if found.own is not None or (
        found.specs is not None and (found.specs.training() or {}).get("data")
    ):
        return None
    names = ["", *(name for name, info in DATASETS.items() if not info.root_needed)]
    index = names.index(found.data) if found.data in names else 0
    chosen = st.selectbox(
        "The images that it goes with", names, index, key="import-data",
        format_func=lambda name: DATASETS[name].title if name else "not known",
        help="What the app measures it with. The name of a file is only a hint.",
    )  # fmt: skip
    return chosen or None


def _reconstructions(model: BetaVAE, name: str, found: Found, held: Held) -> None:
    """Images of the data set above what the model makes of them, and what that costs."""
    key = name, _choices(found)
    if key not in held.seen:
        with st.spinner("Reconstructing"):
            held.seen[key] = _held_against(model, name)
    result = held.seen[key]
    title = DATASETS[name].title
    if isinstance(result, str):
        st.caption(sentence(f"not held against {title}: {result}"))
        return
    count, reconstruction, kl, images = result
    sheet(images, 80).show(
        f"Images of {title}, and below each its reconstruction",
        f"Images of {title} and their reconstructions. Over {count} images: reconstruction "
        f"{reconstruction:.1f}, KL {kl:.1f} nats an image, sampled latents.",
    )


def _held_against(model: BetaVAE, name: str) -> tuple[int, float, float, np.ndarray] | str:
    """How many images, reconstruction and KL, and images with reconstructions; or why there are none."""
    from explorer.analysis.evaluation import choose, evaluate
    from explorer.analysis.inspection import inspect
    from explorer.datasets import open_dataset

    channels, height, width = model.shape
    try:
        data = open_dataset(name, size=height if height == width else None, channels=channels)
        count = min(COUNT, len(data))
        result = evaluate(model, data, count, cached.SEED)
        shown = inspect(
            model, data, [int(i) for i in choose(data, min(SAMPLES, count), cached.SEED)]
        )
    except UserError as error:
        return str(error)
    return count, result.reconstruction, result.kl, np.stack([shown.images, shown.reconstructions])


# --- giving -----------------------------------------------------------------------------------------


def give_panel(description: Description) -> None:
    """Download a model in the Hugging Face layout, or push it to the hub."""
    stem = _stem(description.name)
    st.caption(
        "The card, the weights as safetensors, the config, and modeling.py: the network in plain PyTorch, "
        "which the card loads in five lines."
    )
    st.download_button(
        "Download (.zip)", lambda: hub_zip(description, stem), f"{stem}.zip", "application/zip",
        key="give-zip", on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    if not access.may("push"):
        return
    with st.expander(
        "Put it on the Hugging Face hub", icon=":material/cloud_upload:", key="give-push"
    ):
        repository = st.text_input(
            "Repository", placeholder="owner/name", key="give-repository", max_chars=200
        )
        token = st.text_input(
            "Token with the right to write", type="password", key="give-token", max_chars=200,
            help="Used once and not kept.",
        )  # fmt: skip
        public = st.checkbox("Anybody may see it", key="give-public")
        if st.button("Push", key="give-go", disabled=not (repository.strip() and token.strip())):
            from explorer.export.hub import push

            try:
                with st.spinner("Pushing"):
                    url = push(
                        load(description.path),
                        repository.strip(),
                        token.strip() or None,
                        not public,
                    )
                st.success(f"It is at {plain(url)}.")
            except UserError as error:
                st.error(sentence(error))


def hub_zip(description: Description, stem: str) -> bytes:
    """The files of the Hugging Face layout in an archive.

    Raises:
        UserError: the model can't be read or written down.
    """
    from explorer.export.hub import write_hub_folder

    made = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="explorer-give-") as folder:
        root = write_hub_folder(load(description.path), Path(folder) / stem)
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(root.iterdir()):
                archive.write(file, f"{stem}/{file.name}")
    return made.getvalue()
