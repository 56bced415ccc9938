"""Explore: one model, a slider for each latent dimension, and what the model makes of its images."""

import random

import streamlit as st

from explorer.checkpoints import Description, Entry, recipe
from explorer.errors import UserError
from explorer.launch import run_status
from explorer.live import onnx_cache
from explorer.recipe.samples import Samples
from explorer.training.directory import RunDirectory
from explorer.ui import collapsed, doubt_mark, open_model, page_cache, pictures
from explorer.ui.explore import latents, picker, sections, session
from explorer.ui.explore.takeaway import takeaway
from explorer.ui.text import plain, sentence
from explorer.ui.waiting import busy
from explorer.words import number

STARTS = {"mean": "Prior mean", "sample": "Random sample", "image": "Image"}
RANGES = {"prior": "Prior", "aggregate": "Aggregate posterior", "fixed": "Fixed span"}
PLACE = 640  # height of the explorer's place while it is not there yet
LAST = "explore.last"  # the description and the z that were shown last


def another_image(description: Description) -> None:
    """Start from another image of the data set, taken at random."""
    try:
        session.restart(start="image", image=random.randrange(len(page_cache.dataset(description))))
    except UserError:  # said where the picture is
        session.restart(start="image", image=0)


def model_line(description: Description) -> None:
    """What the model is, in a line; its recipe and what its β comes to, where one asks for it."""
    st.markdown(plain(recipe.in_short(description.config)), width="content")
    with st.popover("Details", icon=":material/info:"):
        details(description)


def details(description: Description) -> None:
    """What its β comes to, and the recipe."""
    try:
        sentences = [
            recipe.objective(description.config),
            recipe.price(description.config, description.path, description.beta).words,
        ]
        sentences += [recipe.implied_variance(description)]
        sentences += recipe.lines(description.config)
    except UserError as error:
        sentences = [str(error)]
    st.markdown(
        "  \n".join(plain(sentence) for sentence in sentences),
        help="What they mean, with pictures: [β](theory?topic=beta), [β·D/(C·H·W)](theory?topic=norm), "
        "[σ²](theory?topic=sigma), [ε](theory?topic=epsilon), [C](theory?topic=capacity), "
        "[total correlation](theory?topic=tc).",
    )


def controls(description: Description) -> None:
    """Where the sliders start and how far they reach."""
    kind, image = session.start_of(description)
    with st.container(key="controls"):
        st.segmented_control(
            "Start from",
            list(STARTS),
            format_func=STARTS.__getitem__,
            required=True,
            **session.choice("start", kind, change=session.restart, image=image),
        )
        if kind == "image":
            st.number_input(
                "Image number",
                min_value=0,
                max_value=10**9,
                step=1,
                width=150,
                **session.entry("image", image, change=session.restart, start="image"),
            )
            st.button(
                "Another image",
                icon=":material/shuffle:",
                key="explore.another.image",
                on_click=another_image,
                args=(description,),
            )
        elif kind == "sample":
            st.number_input(
                "Seed",
                min_value=0,
                max_value=2**31 - 1,
                step=1,
                width=150,
                **session.entry("seed", change=session.restart),
            )
            st.button(
                "Another sample",
                icon=":material/casino:",
                key="explore.another.sample",
                on_click=session.restart,
                kwargs={"seed": random.randrange(10**6)},
            )
        reach()


def reach() -> None:
    """How far the sliders go: a span, or quantiles."""
    st.segmented_control(
        "Range of the sliders",
        list(RANGES),
        format_func=RANGES.__getitem__,
        required=True,
        **session.choice("range"),
        help="Quantiles of the prior N(0, 1), quantiles of the Gaussian fitted to the aggregate "
        "posterior q(z), or the same span for every dimension.",
    )
    if session.state().range == "fixed":
        st.number_input(
            "Span, ±", min_value=0.1, max_value=100.0, step=0.5, format="%.2f", width=150, **session.entry("span")
        )
    else:
        st.number_input(
            "Lower quantile",
            min_value=0.001,
            max_value=0.4,
            step=0.01,
            format="%.3f",
            width=150,
            **session.entry("quantile"),
            help="The upper quantile is its mirror image: 0.05 means from 5 % to 95 %.",
        )


def failed(error: UserError) -> None:
    """A sentence where the picture would be, and the last picture that could be made."""
    st.error(sentence(error))
    last = st.session_state.get(LAST)
    if last is None:
        return
    description, z = last
    try:
        picture = pictures.large(page_cache.decoded(description, z), description.config.samples)
    except UserError:
        return
    name = description.name
    picture.show(f"The last picture of {name}", f"The last good picture, of {plain(name)}")


def trio(begin: page_cache.Start, samples: Samples | None) -> None:
    """The image, its reconstruction from the posterior mean, and the error between them."""
    found = begin.inspection
    assert found is not None
    with st.container(horizontal=True, gap="xsmall", key="trio"):
        for image, name in (
            (found.images[0], "Input"),
            (found.reconstructions[0], "Reconstruction"),
            (found.errors[0], "Error |x − x̂|"),
        ):
            pictures.thumb(image, samples=samples).show(f"{name} of image {begin.image}", name)
    sample, value = ("Image", "pixel") if samples is None else ("Sample", "value")
    st.caption(
        f"{sample} {begin.image:,}, decoded from its posterior mean: "
        f"squared error {number(found.squared_error[0])} a {value}, "
        f"−log p(x|z) {found.nll[0]:.2f} nats, KL {found.kl[0].sum():.2f} nats."
    )


@st.fragment
def touch(entry: Entry) -> latents.LiveView | None:
    """The explorer: only this runs again when a slider is let go."""
    if latents.needs_the_whole_page():
        st.rerun()
    session.settle()
    place = st.container(key="explorer")
    try:
        held = open_model.open_entry(entry)
        description = session.at_beta(held.description)
        with busy(place, "Loading", PLACE):
            seen = latents.live_view(description, gone=held.change == "gone")
    except UserError as error:
        with place:
            failed(error)
        return None
    st.session_state[LAST] = (description, seen.z)
    session.present(seen.z)
    with place:
        for complaint in (
            f"Start from an image: {seen.begin.complaint}." if seen.begin.complaint else "",
            f"Range of the sliders: {seen.complaint}." if seen.complaint else "",
            latents.unkept(),
        ):
            if complaint:
                st.warning(plain(complaint))
        latents.show(description, seen)
        if seen.begin.inspection is not None:
            trio(seen.begin, description.config.samples)
        takeaway(description, seen.z, seen.low, seen.high, seen.known)
    return seen


@st.fragment(run_every=0.6)
def wait_for_networks(description: Description) -> None:
    """Show the page again once the decoder is ready for it, or can't be made ready."""
    if onnx_cache.prepare(description) is not None:
        st.rerun()


def still_training(entry: Entry, description: Description) -> None:
    """Where the model's run goes on: how far it is, and its newer weights for who wants them."""
    run = RunDirectory(entry.path.parent)
    going = entry.origin == "run" and run_status(run).going

    def show() -> None:
        now = run_status(run)
        newer = open_model.open_entry(entry).change == "replaced"
        if now.state is None or not (now.going or newer):
            return
        with st.container(horizontal=True, vertical_alignment="center", key="training"):
            said = f"step {now.state.step:,} of {now.state.steps:,}"
            st.page_link(
                "pages/train.py",
                label=f"{now.word}, {said}",
                icon=":material/model_training:",
                query_params={"run": entry.name},
            )
            if newer and st.button(
                "Show what it has learned since",
                icon=":material/refresh:",
                key="explore.newer",
                on_click=open_model.release,
            ):
                st.rerun()

    if going:
        st.fragment(show, run_every=2.0)()


@st.fragment(run_every=5.0)
def changed(entry: Entry) -> None:
    """Say what became of the model's files while it is open here, without being asked."""
    held = open_model.open_entry(entry)
    if held.change == "gone":
        other = open_model.renamed(held)
        if other is None:
            st.warning(
                sentence(
                    f"{held.why}, or can't be read any more; this page keeps working with the copy that it has loaded"
                ),
                icon=":material/folder_off:",
            )
        else:
            st.warning(
                sentence(f"{entry.name!r} is called {other.name!r} now; this page goes on with it"),
                icon=":material/label:",
            )
    elif held.change == "replaced" and entry.origin != "run":
        with st.container(horizontal=True, vertical_alignment="center", key="replaced"):
            st.warning(
                sentence(f"{entry.name!r} was replaced while it was open; this page goes on with the old one"),
                icon=":material/published_with_changes:",
            )
            if st.button("Show the new one", key="explore.replaced", on_click=open_model.release):
                st.rerun()


session.follow_url()
top = st.container(horizontal=True, vertical_alignment="center", key="top")
with top:
    st.title("Explore", width="content")
    entry = picker.pick()
if entry is None:
    st.info("There is no model on this machine yet: train one, or import one.")
    st.stop()
notices = st.container()
try:
    description = open_model.open_entry(entry).description
    if open_model.open_entry(entry).change == "replaced" and not page_cache.in_memory(description):
        open_model.release()  # nothing is left of the old one
        description = open_model.open_entry(entry).description
    description = session.at_beta(description)
except UserError as error:
    failed(error)
    st.stop()
changed(entry)
dimensions = description.config.latents
if len(session.state().z) > dimensions:
    session.correct(
        f"z has {len(session.state().z)} values, and {entry.name} has {dimensions} latent dimensions; "
        "the start is shown, unmoved.",
        z=(),
    )
if any(d >= dimensions for d in session.state().locked):
    session.correct(
        f"locked names a dimension that {entry.name} does not have: its dimensions are 0 to "
        f"{dimensions - 1}; the others are locked.",
        locked=tuple(d for d in session.state().locked if d < dimensions),
    )
if session.complaints():
    notices.warning("  \n".join(plain(complaint) for complaint in session.complaints()))
doubt_mark.show_doubts([description])
with top:
    model_line(description)
    with st.popover("Start and range", icon=":material/tune:"):
        controls(description)
still_training(entry, description)
verdict = st.container()
seen = touch(entry)
if seen is not None:
    if seen.waiting:
        wait_for_networks(description)
    try:
        missing = sections.missing_data(description)
        with verdict:
            collapsed.explored(description, session.state().count)
        sections.kl(description)
        sections.traversal_rows(description)
        if not missing:
            sections.reconstructions(description)
    except UserError as error:
        st.error(sentence(error))
    if seen.early:
        page_cache.bring_torch()
        st.rerun()  # now that torch is here, with what was measured
