"""What a person corrects of an import that was read from names, or says of graphs, as the page asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from explorer.importing.choices import Choices
    from explorer.importing.onnx_model import Graphs
    from explorer.importing.reading import Reading

CHOICES = {  # what a person may correct, and what the question is
    "halves": "Which outputs of the encoder are the mean",
    "spread": "What the other outputs are",
    "activation": "Activation in the encoder",
    "decoder_activation": "Activation in the decoder",
    "output": "What the decoder ends in",
    "pixels": "How pixels were scaled in training",
    "residual": "Where the activation of residual blocks stands",
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
    "stem_activation": "An activation stands before residual blocks",
    "stack_activation": "An activation stands behind residual blocks without one of their own",
}


def corrections(reading: Reading) -> dict[str, Any]:
    """The choices of the person that are others than were inferred."""
    from explorer.importing import choices as read

    options = {
        "halves": read.HALVES if len(reading.chains.heads) == 1 else read.HALVES[:2],
        "spread": read.SPREADS,
        "mean_activation": ("none", "relu"),
        "activation": read.ACTIVATIONS,
        "decoder_activation": read.ACTIVATIONS,
        "output": read.OUTPUTS,
        "pixels": read.PIXELS,
        "residual": read.RESIDUALS,
        "pooling": read.POOLING,
        "upsampling": read.UPSAMPLING,
        "edges": read.EDGES,
        "encoder_edges": read.EDGES,
    }
    known = reading.choices
    given: dict[str, Any] = {}
    with st.expander("Correct what was inferred", icon=":material/edit:", key="import-correct"):
        if len(reading.geometries) > 1:
            texts = reading.geometry_words()
            given["geometry"] = st.selectbox(
                "Image size, strides and paddings",
                range(len(texts)),
                known.geometry,
                format_func=texts.__getitem__,
                key="import-choice-geometry",
            )
        elif not reading.geometries:
            for side in ("height", "width"):
                given[side] = st.number_input(
                    f"{side.capitalize()} of the images", 1, 1024, getattr(known, side), key=f"import-choice-{side}"
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
                "Slope of leaky-relu below 0", 0.0, 1.0, known.slope, 0.01, key="import-choice-slope"
            )
        for name, question in WHETHER.items():
            if reading.leaves_open(name) or name == "exit_activation":
                given[name] = st.checkbox(question, getattr(known, name), key=f"import-choice-{name}")
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
        "Likelihood of the pixels",
        names,
        names.index(kind),
        key="import-choice-likelihood",
        help="Which loss it was trained with: cross-entropy is Bernoulli, a squared error Gaussian.",
    )
    if chosen != usual or known.likelihood is not None:
        found["likelihood"] = chosen
    numbers = {"sigma": "σ of the Gaussian, of pixels from 0 to 1"} if chosen == "gaussian" else {}
    if given["pixels"] == "standardised":
        numbers |= {"pixel_mean": "What was taken off pixels", "pixel_std": "What they were divided by"}
    for name, question in numbers.items():
        low = -10.0 if name == "pixel_mean" else 0.002
        found[name] = st.number_input(
            question, low, 10.0, getattr(known, name), 0.01, format="%.4f", key=f"import-choice-{name}"
        )
    return found


def _steps(reading: Reading) -> dict[str, dict[str, int]]:
    """Strides, paddings and pools that the person wrote into the table of convolutions."""
    rows = [
        {
            "layer": link.layer.name,
            "stride": step.stride,
            "padding": step.padding,
            "output_padding": step.output_padding,
            "pool": step.pool,
            "upsample": step.upsample,
        }
        for step, link in reading.convolutions()
    ]
    if not rows:
        return {}
    st.caption("Strides and paddings of each convolution; what you write stands, the rest is found.")
    edited = st.data_editor(rows, hide_index=True, disabled=["layer"], key="import-choice-steps", num_rows="fixed")
    found: dict[str, dict[str, int]] = {}
    for before, after in zip(rows, edited, strict=True):
        own = {k: int(str(v)) for k, v in after.items() if k != "layer" and v is not None and v != before[k]}
        if own:
            found[str(before["layer"])] = own
    return found


def graph_corrections(graphs: Graphs) -> dict[str, Any]:
    """What the person says of graphs; None where it is found out."""
    from explorer.importing.onnx_parts import GRAPH_CHOICES

    given: dict[str, Any] = {}
    with st.expander("Correct what was inferred", icon=":material/edit:", key="import-correct"):
        for name, (question, values) in GRAPH_CHOICES.items():
            if name == "halves" and not graphs.one_row():
                continue
            given[name] = st.selectbox(
                question,
                [None, *values],
                key=f"import-choice-{name}",
                format_func=lambda value: "find out" if value is None else value,
            )
        if given["likelihood"] == "gaussian":
            given["sigma"] = st.number_input(
                "σ, in pixel values from 0 to 1", 0.001, 10.0, 0.1, key="import-choice-sigma"
            )
    return {name: value for name, value in given.items() if value is not None}
