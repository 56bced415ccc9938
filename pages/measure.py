"""Measure: how disentangled models are, and the numbers behind the scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.analysis import report
from explorer.analysis.scores import SCORES
from explorer.checkpoints import catalogue
from explorer.errors import UserError
from explorer.ui import measure_state as page
from explorer.ui import picker, pictures
from explorer.ui.measured import Scene, factor_words, nearest, scene
from explorer.ui.recipe import source_of
from explorer.ui.scatter import inside, scatter, show_under_pointer
from explorer.ui.text import plain, sentence
from explorer.ui.waiting import busy

if TYPE_CHECKING:
    from explorer.analysis.measuring import Encoded
    from explorer.analysis.metrics import MetricResult

    Results = dict[str, dict[str, MetricResult]]

MATRICES = {
    "information": ("Mutual information", "mig", "mutual_information", "nats"),
    "importance": ("DCI importance", "dci", "importance", ""),
    "accuracy": ("SAP accuracy", "sap", "accuracy", ""),
}
STILL = {"displayModeBar": False}
HUES = [
    (15, 110, 106), (200, 100, 27), (91, 91, 181), (168, 50, 79), (111, 127, 42), (122, 106, 88),
    (43, 120, 184), (184, 71, 155), (63, 143, 79), (138, 143, 147),
]  # fmt: skip
COLD, WARM = (52, 78, 190), (236, 132, 44)
SHOWN_IN_LASSO = 24


def settings() -> None:
    """What is measured, and how."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="settings"):
        st.segmented_control(
            "Preset", ["fast", "full"], required=True, key=page.mirror("preset"),
            on_change=page.take, args=("preset",),
            help="full: the sample sizes of Locatello et al. 2019, minutes; fast: smaller ones, seconds. "
            "Compare only scores of one preset.",
        )  # fmt: skip
        st.segmented_control(
            "Codes", ["mean", "sampled"], required=True, key=page.mirror("representation"),
            on_change=page.take, args=("representation",),
            help="A code is the mean of the posterior, as is usual, or one sample of it.",
        )  # fmt: skip
        for field, label, low, high, step, words in (
            ("seed", "Seed", 0, 2**31 - 1, 1, "Of the choice of images and of all that is drawn."),
            ("repeats", "Repeats", 0, 20, 1, "On random halves of the images, for the 95 % confidence interval; "
             "below 2 there is none."),
            ("points", "Images in the plots", 100, 100_000, 1000, "In the scatter and the curves below."),
        ):  # fmt: skip
            st.number_input(
                label, min_value=low, max_value=high, step=step, width=160, key=page.mirror(field),
                on_change=page.take, args=(field,), help=words,
            )  # fmt: skip


def shown(row: report.Row) -> str:
    """A value with its interval."""
    if row.value is None:
        return "undefined"
    text = f"{row.value:.3f}"
    return f"{text}  [{row.interval[0]:.3f}, {row.interval[1]:.3f}]" if row.interval else text


def table(view: Scene, results: Results) -> None:
    """A line for each score, a column for each model."""
    lines: dict[str, dict[str, Any]] = {}
    reasons: dict[str, str] = {}
    for name in SCORES:
        for model, of in results.items():
            if name not in of:
                continue
            for row in report.rows(of[name]):
                line = lines.setdefault(row.name, {"Score": row.title})
                line[model or "all together"] = shown(row)
                bound = "no bound" if row.ceiling is None else f"{row.ceiling:.3f}"
                line["Largest attainable"] = bound
                line["Better"] = SCORES[name].better
                line["Images"] = row.count
                if row.reason:
                    reasons[f"{row.title}, {model or 'all together'}"] = row.reason
    if not lines:
        st.caption("Nothing is measured with these settings yet.")
        return
    together = ["all together"] if results.get("") else []
    columns = ["Score", *view.names, *together, "Largest attainable", "Better", "Images"]
    st.dataframe(
        {column: [line.get(column, "") for line in lines.values()] for column in columns},
        hide_index=True, key="measure.table", height="content",
        column_config={
            "Largest attainable": st.column_config.TextColumn(
                help="What no code can exceed with these settings; for SAP what the factors themselves score."
            ),
            "Images": st.column_config.NumberColumn(help="Images that the score rests on.", format="%d"),
        },
    )  # fmt: skip
    halves = (
        "[95 % confidence interval over repeats on random halves] · "
        if view.plan.repeats > 1
        else ""
    )
    st.caption(
        f"{halves}{view.plan.representation} codes of {plain(view.data.name)}, seed {view.plan.seed}, "
        f"preset {view.plan.preset}"
    )
    for where, reason in reasons.items():
        st.caption(plain(f"{where}: undefined. {reason}"))


def start(view: Scene) -> None:
    """The button's callback."""
    try:
        view.start()
    except (UserError, OSError) as error:
        st.session_state["measure.refused"] = str(error)


def progress(view: Scene) -> None:
    """The scores, and the job that computes what is missing; repeats itself while it runs."""
    results = view.results()
    job = view.job.read()
    running = job is not None and job.running
    left, images = view.pending(results), view.uncoded()
    stage = (running, images == 0, "mig" in results[view.names[0]])
    if stage != st.session_state.get("measure.stage", stage):
        st.session_state["measure.stage"] = stage
        st.rerun()  # the rest of the page has something new to show
    st.session_state["measure.stage"] = stage
    if job is not None and running:
        with st.container(horizontal=True, vertical_alignment="center", key="bar"):
            st.progress(min(job.fraction, 1.0), plain(f"{job.doing} · {left} scores to go"))
            st.button(
                "Stop",
                icon=":material/stop:",
                key="measure.stop",
                on_click=view.job.stop,
                width=110,
            )
    elif left or images:
        if job is not None and job.status == "failed":
            st.error(sentence(f"the measurement failed: {job.message}"))
        elif job is not None and job.status == "lost":
            st.warning(
                sentence(f"the measurement was lost: {job.message}; what it had finished is kept")
            )
        elif job is not None and job.status == "stopped":
            st.info("Stopped. What was finished is kept, and the rest can be computed later.")
        if refused := st.session_state.pop("measure.refused", None):
            st.error(sentence(refused))
        what = [f"{left} scores"] * bool(left) + [f"{images:,} images to encode"] * bool(images)
        st.button(
            f"Measure ({', '.join(what)})", type="primary", icon=":material/straighten:",
            key="measure.start", on_click=start, args=(view,),
        )  # fmt: skip
    table(view, results)


def definitions() -> None:
    """What each score means."""
    with st.expander("What the scores mean"):
        for score in SCORES.values():
            st.markdown(
                f"**{plain(score.title)}**. {plain(score.definition)} :gray[{plain(score.source)}]"
            )


def downloads(view: Scene, results: Results) -> None:
    """The same numbers as files, as `python -m explorer measure` gives them."""
    about = {
        "data": view.data.name, "split": source_of(view.descriptions[0].config).split,
        "count": view.plan.rows(view.data), "seed": view.plan.seed, "representation": view.plan.representation,
        "preset": view.plan.preset, "repeats": view.plan.repeats,
        "factors": list(view.data.factor_names or ()),
    }  # fmt: skip
    of_each = {name: results.get(name, {}) for name in view.names}
    together = results.get("", {})
    if not any(of_each.values()):
        return
    with st.container(horizontal=True, key="downloads"):
        st.download_button(
            "CSV", report.as_csv(about, of_each, together), "scores.csv", "text/csv",
            icon=":material/download:", key="measure.csv", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "JSON", json.dumps(report.as_json(about, of_each, together, True), indent=1), "scores.json",
            "application/json", icon=":material/download:", key="measure.json", on_click="ignore",
        )  # fmt: skip


def looked_at(view: Scene) -> int:
    """Which of the models the rest of the page is about."""
    if len(view.names) == 1:
        return 0
    look = page.state().look
    if look not in view.names:
        look = view.names[0]
    st.selectbox(
        "Look into", view.names, key=page.mirror("look", look), width=400,
        on_change=page.take, args=("look",),
    )  # fmt: skip
    return view.names.index(look)


def click(key: str, factors: list[int]) -> None:
    """The callback of a heat-map: its cell becomes the latent and the factor that are shown."""
    event = st.session_state.get(key) or {}
    points = event.get("selection", {}).get("points", [])
    if points:
        row, column = points[0]["customdata"][:2]
        page.put(latent=int(row), factor=factors[int(column)])


def matrices(view: Scene, of: dict[str, MetricResult], found: Encoded | None, latents: int) -> None:
    """Heat-maps of latents by factors, and the latent against the factor of the cell that was clicked."""
    from explorer.figures import heatmaps, responses

    names = view.data.factor_names
    if names is None:
        return
    st.subheader("Latents by factors")
    kind = page.state().matrix
    st.segmented_control(
        "Matrix", list(MATRICES), format_func=lambda key: MATRICES[key][0], required=True,
        key=page.mirror("matrix"), on_change=page.take, args=("matrix",), label_visibility="collapsed",
    )  # fmt: skip
    title, metric, part, unit = MATRICES[kind]
    latent = min(page.state().latent, latents - 1)
    factor = min(page.state().factor, len(names) - 1)
    left, right = st.columns(2, gap="large")
    with left:
        if metric not in of:
            st.caption(f"{SCORES[metric].title} is not measured with these settings yet.")
        elif part not in of[metric].parts:
            st.caption(plain(f"Absent: {of[metric].reason}"))
        else:
            values = np.array(of[metric].parts[part], dtype=np.float64)
            used = [int(k) for k in of[metric].parts["factors_used"]]
            factors = list(range(len(names))) if values.shape[1] == len(names) else used
            chosen = (latent, factors.index(factor)) if factor in factors else None
            key = f"measure.matrix.{kind}"
            st.plotly_chart(
                heatmaps.matrix(
                    values, [f"z{d}" for d in range(latents)], [names[k] for k in factors], unit,
                    chosen=chosen,
                ),
                key=key, config=STILL, on_select=lambda: click(key, factors), selection_mode="points",
                alt=f"{title} of {latents} latents and {len(factors)} factors",
            )  # fmt: skip
            st.caption("A click on a cell shows that latent against that factor.")
    with right:
        with st.container(horizontal=True):
            st.number_input(
                "Latent", min_value=0, max_value=latents - 1, key=page.mirror("latent", latent),
                on_change=page.take, args=("latent",), width=120,
            )  # fmt: skip
            st.selectbox(
                "Factor", range(len(names)), format_func=lambda k: names[k],
                key=page.mirror("factor", factor), on_change=page.take, args=("factor",), width=200,
            )  # fmt: skip
        if found is None or found.factors is None:
            st.caption("Its codes are not at hand yet: measure first.")
            return
        codes = found.codes(page.state().representation, page.state().seed)
        st.plotly_chart(
            responses.against(codes[:, latent], found.factors[:, factor], (f"z{latent}", names[factor])),
            key="measure.against", config=STILL,
            alt=f"Quantiles of z{latent} for each value of {names[factor]}",
        )  # fmt: skip
        st.caption(
            f"z{latent} for each class of {plain(names[factor])} over {len(codes):,} images: median, "
            "quartiles, and 5 % to 95 %."
        )


def carriers(view: Scene, of: dict[str, MetricResult]) -> None:
    """For each factor the latent that carries it, and by how much it leads."""
    names = view.data.factor_names
    result = of.get("mig")
    if names is None or result is None or result.value is None:
        return
    parts = result.parts
    information = np.array(parts["mutual_information"], dtype=np.float64)
    entropy = np.array(parts["factor_entropy"], dtype=np.float64)
    rows: dict[str, list[Any]] = {
        "Factor": [], "Carried by": [], "Share told": [], "Second": [], "Share told by it": [], "Gap": [],
    }  # fmt: skip
    for k in (int(k) for k in parts["factors_used"]):
        best, second = int(parts["best_latent"][k]), int(parts["second_latent"][k])
        told = information[[best, second], k] / entropy[k]
        for column, value in zip(
            rows,
            (names[k], f"z{best}", told[0], f"z{second}", told[1], told[0] - told[1]),
            strict=True,
        ):
            rows[column].append(value)
    st.subheader("Which latent carries a factor")
    st.dataframe(
        rows, hide_index=True, key="measure.carriers",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("Share told", "Share told by it", "Gap")
        },
    )  # fmt: skip
    st.caption("Shares of the factor's entropy, in 20 bins; the mean of the gaps is MIG.")


def latents_table(of: dict[str, MetricResult]) -> None:
    """What each latent costs and does, known without any factor."""
    if not {"kl_per_dimension", "active_units", "polarised_regime"} <= set(of):
        return
    kl, active, regime = (
        of[n].parts for n in ("kl_per_dimension", "active_units", "polarised_regime")
    )
    if not (kl and active and regime):
        return
    st.subheader("What each latent does")
    st.dataframe(
        {
            "Latent": [f"z{d}" for d in range(len(kl["kl"]))],
            "KL, nats": kl["kl"],
            "Var(µ)": active["activity"],
            "Mean of σ²": regime["mean_variance"],
            "Regime": regime["regime"],
        },
        hide_index=True, key="measure.latents",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("KL, nats", "Var(µ)", "Mean of σ²")
        },
    )  # fmt: skip
    st.caption(
        "Active: σ² near 0 whatever the image; passive: σ² near 1, as the prior; mixed: anything else "
        "(Bonheme and Grzes 2021)."
    )


def curves(view: Scene, found: Encoded) -> None:
    """How all latents answer along one factor."""
    from explorer.figures import responses

    names, factors = view.data.factor_names, found.factors
    if names is None or factors is None:
        return
    factor = min(page.state().factor, len(names) - 1)
    codes = found.codes(page.state().representation, page.state().seed)
    order = np.argsort(-answer(codes, factors[:, factor]), kind="stable").tolist()
    st.subheader(f"Latents along {plain(names[factor])}")
    st.plotly_chart(
        responses.along(codes, factors[:, factor], names[factor], order), key="measure.along",
        config=STILL, alt=f"Mean of each latent over the values of {names[factor]}",
    )  # fmt: skip
    st.caption("The factor is the one chosen above; the latents that answer most come first.")


def answer(codes: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The share (D,) of each latent's variance that lies between the values of a factor."""
    between = np.zeros(codes.shape[1])
    for value in np.unique(factor):
        members = codes[factor == value]
        between += len(members) * (members.mean(axis=0) - codes.mean(axis=0)) ** 2
    total = codes.var(axis=0) * len(codes)
    return np.asarray(between / np.where(total > 0, total, 1.0))


def colours(size: int) -> list[tuple[int, int, int]]:
    """A colour for each class: different ones for few, from cold to warm for many."""
    if size <= len(HUES):
        return HUES[:size]
    steps = np.linspace(0, 1, size)[:, None] * (np.array(WARM) - COLD) + COLD
    return [(int(r), int(g), int(b)) for r, g, b in steps]


@st.fragment
def cloud(view: Scene, number: int) -> None:
    """The scatter of two latents, with pictures under the pointer, a lasso, and neighbours."""
    found = view.codes(number)
    if found is None:
        return
    state, names = page.state(), view.data.factor_names
    codes = found.codes(state.representation, state.seed)
    latents = codes.shape[1]
    live = np.argsort(-found.means.var(axis=0), kind="stable")
    x = int(live[0]) if state.x is None else min(state.x, latents - 1)
    y = int(live[min(1, latents - 1)]) if state.y is None else min(state.y, latents - 1)
    colour = min(state.colour, len(names) - 1) if names else 0
    st.subheader("Codes")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for field, label, value in (("x", "Across", x), ("y", "Up", y)):
            st.selectbox(
                label, range(latents), format_func=lambda d: f"z{d}", key=page.mirror(field, value),
                on_change=page.take, args=(field,), width=110,
            )  # fmt: skip
        if names:
            st.selectbox(
                "Colour", range(len(names)), format_func=lambda k: names[k],
                key=page.mirror("colour", colour), on_change=page.take, args=("colour",), width=180,
            )  # fmt: skip
        st.number_input(
            "Neighbours of image number", min_value=0, max_value=len(view.data) - 1, value=None,
            key=picked_key(found), on_change=page.take, args=("image",), width=220,
            placeholder="click a point",
        )  # fmt: skip
    kind, palette, legend = np.zeros(len(codes), dtype=np.int64), [HUES[0]], []
    if names and found.factors is not None and view.data.factor_sizes:
        kind, size = found.factors[:, colour], view.data.factor_sizes[colour]
        palette = colours(size)
        every = range(size) if size <= len(HUES) else (0, size // 2, size - 1)
        legend = [(f"{names[colour]} {k}", palette[k]) for k in every]
    place = {int(index): row for row, index in enumerate(found.indices)}
    picked = place.get(state.image) if state.image is not None else None
    near = nearest(codes, picked) if picked is not None else []
    touched = scatter(
        codes[:, x], codes[:, y], kind, palette, legend, (f"z{x}", f"z{y}"),
        f"{len(codes):,} codes, z{x} across and z{y} up", picked, near,
        lambda point: page.put(image=int(found.indices[point])), key="measure.scatter",
    )  # fmt: skip
    words = lambda row: described(view, found, row)  # noqa: E731
    picture, about = b"", ""
    if touched.hover is not None:
        image = view.data.images([int(found.indices[touched.hover])])[0].cpu().numpy() / 255
        picture, about = pictures.thumb(image, 96).file, words(touched.hover)
    show_under_pointer(touched.hover, picture, about, "measure.thumb")
    st.caption(
        f"{len(codes):,} images. Rest on a point to see its image, click it for its neighbours, or draw "
        "around points with the lasso."
    )
    if state.image is not None and picked is None:
        st.caption(
            f"Image {state.image:,} is not among those shown: choose more, or click a point."
        )
    if picked is not None:
        st.markdown(f"**Neighbours of image {state.image:,}** :gray[{plain(words(picked))}]")
        gallery(view, found, [picked, *near])
        st.caption(
            "The image itself, then the nearest codes by Euclidean distance over all latents."
        )
    if touched.lasso is not None:
        members = np.flatnonzero(inside(touched.lasso, codes[:, x], codes[:, y]))
        st.markdown(f"**{len(members):,} images in the lasso** of {len(codes):,}")
        if len(members):
            gallery(view, found, members[:SHOWN_IN_LASSO].tolist())
            if len(members) > SHOWN_IN_LASSO:
                st.caption(f"The first {SHOWN_IN_LASSO} of them.")
            summary(view, found, members)


def picked_key(found: Encoded) -> str:
    """The number entry of the image whose neighbours are shown."""
    key, image = "measure.image", page.state().image
    if st.session_state.get(key) != image:
        st.session_state[key] = image
    return key


def described(view: Scene, found: Encoded, row: int) -> str:
    """The number and the factors of an image."""
    text = f"image {int(found.indices[row]):,}"
    if found.factors is None or view.data.factor_names is None:
        return text
    return f"{text}: {factor_words(view.data.factor_names, found.factors[row])}"


def gallery(view: Scene, found: Encoded, rows: list[int]) -> None:
    """Images side by side."""
    images = view.data.images([int(found.indices[row]) for row in rows]).cpu().numpy() / 255
    with st.container(horizontal=True, gap="xsmall"):
        for row, image in zip(rows, images, strict=True):
            pictures.thumb(image, 72).show(described(view, found, row))


def summary(view: Scene, found: Encoded, members: np.ndarray) -> None:
    """Which values of each factor lie in a selection."""
    if found.factors is None or view.data.factor_names is None or view.data.factor_sizes is None:
        return
    said = []
    for k, (name, size) in enumerate(
        zip(view.data.factor_names, view.data.factor_sizes, strict=True)
    ):
        values = np.unique(found.factors[members, k])
        span = f"{values[0]} to {values[-1]}" if len(values) > 1 else f"{values[0]}"
        said.append(f"{name}: {len(values)} of {size} values ({span})")
    st.caption(plain(" · ".join(said)))


def seeds(view: Scene, results: Results, number: int) -> None:
    """UDR and how the latents of two models align."""
    from explorer.figures import heatmaps

    st.subheader("Models side by side")
    if len(view.names) < 2:
        st.info(
            "UDR and the alignment compare models: choose at least two above, best ones trained alike "
            "from other seeds (a sweep with seed = [0, 1, 2])."
        )
        return
    result = results.get("", {}).get("udr")
    if result is None:
        st.caption("UDR is not measured with these settings yet.")
        return
    if result.value is None:
        st.caption(plain(f"UDR is undefined. {result.reason}"))
        return
    scores = ", ".join(
        f"{plain(name)} {float(value):.3f}"
        for name, value in zip(view.names, result.parts["model_scores"], strict=True)
    )
    st.markdown(f"UDR **{result.value:.3f}**: {scores}")
    others = [name for name in view.names if name != view.names[number]]
    partner = page.state().partner if page.state().partner in others else others[0]
    st.selectbox(
        "Aligned with", others, key=page.mirror("partner", partner), width=400,
        on_change=page.take, args=("partner",),
    )  # fmt: skip
    other = view.names.index(partner)
    values = np.array(result.parts["likeness"][number][other], dtype=np.float64)
    st.plotly_chart(
        heatmaps.matrix(
            values, [f"z{d}" for d in range(values.shape[0])], [f"z{d}" for d in range(values.shape[1])],
            "", top=1.0, row_title=view.names[number][:40], column_title=partner[:40],
        ),
        key="measure.alignment", config=STILL, width="content" if values.shape[1] < 8 else "stretch",
        alt=f"How the latents of {view.names[number]} match those of {partner}",
    )  # fmt: skip
    st.caption(
        "Lasso weights of one model's latents for the other's; one bright cell a row is a match."
    )


def pick() -> list[str]:
    """The models to measure, from the state or the first one there is."""
    entries = {entry.name: entry for entry in catalogue()}
    asked = page.state().models
    names = [name for name in asked if name in entries]
    lost = [name for name in asked if name not in entries]
    if lost:
        page.correct(
            f"There is no model {', '.join(repr(n[:80]) for n in lost)} here.", models=tuple(names)
        )
    if not names:
        first = picker.first(list(entries.values()))
        if first is None:
            return []
        names = [first.name]
        page.correct("", models=tuple(names))
    st.multiselect(
        "Models", list(entries), key=page.mirror("models", names), on_change=page.take, args=("models",),
        max_selections=page.MOST_MODELS,
    )  # fmt: skip
    return names


page.follow_url()
st.title("Measure")
names = pick()
if not names:
    st.info("There is no model on this machine yet: train one, or import one.")
    st.stop()
notices = st.container()
settings()
if page.complaints():
    notices.warning("  \n".join(plain(complaint) for complaint in page.complaints()))
places = {entry.name: entry for entry in catalogue()}
try:
    with busy(st.container(), "Looking up what is known", 300):
        view = scene(names, [picker.described(places[name]) for name in names], page.state())
        results = view.results()
except UserError as error:
    st.error(sentence(error))
    if "found" in str(error) or "download" in str(error):
        st.caption("The page Explore offers to download the images where that is possible.")
    st.stop()
working = view.job.read()
st.session_state.pop("measure.stage", None)
st.fragment(run_every=1.0 if working is not None and working.running else None)(progress)(view)
for name, reason in view.absent.items():
    st.caption(plain(f"{SCORES[name].title}: not measured. {reason}"))
downloads(view, results)
definitions()
number = looked_at(view)
of = results.get(view.names[number], {})
codes = view.codes(number)
matrices(view, of, codes, view.descriptions[number].config.latents)
carriers(view, of)
latents_table(of)
if codes is not None:
    curves(view, codes)
    cloud(view, number)
seeds(view, results, number)
