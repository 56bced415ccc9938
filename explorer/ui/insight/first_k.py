"""First k: what the k latents of highest KL already say of an image, and how alike several models are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.checkpoints.doubts import sentence_of
from explorer.errors import UserError
from explorer.ui.insight.looking import STILL, Looking, choose_images, explain, give, kept
from explorer.ui.insight.state import page
from explorer.ui.text import plain, sentence

if TYPE_CHECKING:
    from explorer.analysis.insight.nested import Nested

ROWS = 4  # images
ACROSS = 3  # models
CODES = {"mean": "Means", "sampled": "Samples"}


def show(looking: Looking) -> None:
    """The whole section."""
    found: dict[int, Nested] = {}
    controls = st.container(horizontal=True, vertical_alignment="bottom", key="insight.controls")
    with controls:
        choose_images(looking)
        st.segmented_control(
            "Codes of the curve", list(CODES), format_func=CODES.__getitem__, required=True, **page.choice("codes")
        )
    for number, name in enumerate(looking.names):
        try:
            found[number] = _curve(looking, number)
        except UserError as error:
            st.error(sentence(f"{name}: {error}"))
    if not found:
        return
    k = _slider(looking, found)
    for start in range(0, len(found), ACROSS):
        for column, number in zip(st.columns(ACROSS, gap="large"), list(found)[start:], strict=False):
            with column:
                _pictures(looking, number, found[number], k)
    explain("first-k")
    _curves(looking, found, k)
    if len(looking.names) > 1:
        from explorer.ui.insight.alike import alike

        alike(looking)
    else:
        st.caption("Choose several models above, best ones trained alike from other seeds, to see how alike they are.")


def _curve(looking: Looking, number: int) -> Nested:
    from explorer.analysis.insight.nested import nested

    state, count = looking.state, looking.images(number)
    key = looking.key(number, "nested", count, state.seed, state.codes)
    doing = plain(f"{looking.names[number]}: decoding {count:,} {looking.nouns} from their first k latents")
    model, data = looking.model(number), looking.data(number)
    return kept(key, doing, lambda tell: nested(model, data, count, state.seed, state.codes, tell))


def _sheet(looking: Looking, number: int, found: Nested) -> np.ndarray:
    """Pictures of a few images at each k, `(n, m + 1, C, H, W)`."""
    from explorer.analysis.insight.nested import nested_pictures

    images = looking.few(ROWS, number)
    model, data = looking.model(number), looking.data(number)
    order = found.order.tolist()
    key = looking.key(number, "nested pictures", tuple(images), tuple(order))
    return kept(key, "Decoding", lambda _: nested_pictures(model, data, images, order))


def _slider(looking: Looking, found: dict[int, Nested]) -> int:
    """The k that is shown."""
    most = max(len(of.order) for of in found.values())
    first = next(iter(found.values()))
    usual = max(1, int((first.kl > 0.1).sum()) // 2)
    k = min(most, usual if looking.state.kept is None else looking.state.kept)
    if most == 0:
        return 0
    st.slider("k, latents that are kept", min_value=0, max_value=most, step=1, **page.entry("kept", k))
    return k


def _pictures(looking: Looking, number: int, found: Nested, k: int) -> None:
    """The images, what the first k latents say of them, and what all do."""
    sheet = _sheet(looking, number, found)
    place = int(np.abs(found.kept - min(k, int(found.kept[-1]))).argmin())
    own = int(found.kept[place])
    name = looking.names[number]
    shown = sheet[:, [0, place + 1, -1]]
    said = ", ".join(f"z{d}" for d in found.order[:own][:12]) + (", …" if own > 12 else "")
    spent, total = float(found.kl[found.order[:own]].sum()), float(found.kl.sum())
    st.markdown(f"**{plain(name)}**")
    looking.sheet(shown, 96, number).show(
        alt=f"{len(shown)} {looking.nouns}, each with what its first {own} latents and all of {name} make of it",
        caption=f"{looking.noun} · first {own} · all {len(found.order)}",
    )
    share = f", {100 * spent / total:.0f} %" if total > 0 else ""
    st.caption(
        f"k = {own}: {said or 'none'}. {spent:.2f} of {total:.2f} nats{share}; "
        f"−log p {found.nll[place]:,.1f} nats, squared error {found.squared_error[place]:.4g}, for each {looking.noun}."
    )
    with st.expander("Every k"):
        looking.sheet(sheet[:, _few(len(found.kept))], 64, number).show(
            alt=f"{len(sheet)} {looking.nouns} with what the first k latents of {name} make of them, k from 0 to all",
            caption=f"{looking.noun}, then k = "
            + ", ".join(str(found.kept[p - 1]) for p in _few(len(found.kept)) if p),
        )
        _files(looking, number, found, sheet)


def _few(kept: int) -> list[int]:
    """The columns of the sheet that stand on the page: the image and at most 12 k, evenly."""
    return [0, *dict.fromkeys(int(p) for p in np.linspace(1, kept, min(kept, 12)).round())]


def _files(looking: Looking, number: int, found: Nested, sheet: np.ndarray) -> None:
    from explorer.export.nested_files import film_gif, strip_png

    note, own = sentence_of(looking.descriptions[number].config), looking.samples(number)
    name = f"first-k-{number + 1}"
    give(
        ("Strip, PNG", f"{name}.png", partial(strip_png, sheet, comment=note, samples=own)),
        ("Film, GIF", f"{name}.gif", partial(film_gif, sheet, found.kept, 2, comment=note, samples=own)),
    )


def _curves(looking: Looking, found: dict[int, Nested], k: int) -> None:
    """Both costs against k, a line a model."""
    from explorer.export.nested_files import curve_csv
    from explorer.figures.insight_lines import lines

    st.subheader("What each further latent saves")
    parts = (("nll", "−log p(x|z), nats", "nats"), ("squared_error", "squared error", ""))
    for column, (field, title, unit) in zip(st.columns(2, gap="large"), parts, strict=True):
        series = {looking.names[number]: (of.kept, getattr(of, field)) for number, of in found.items()}
        column.plotly_chart(
            lines(series, ("k", title), mark=k, log=field == "squared_error", unit=unit),
            key=f"insight.{field}",
            config=STILL,
            alt=f"{title} against k for {len(series)} models",
        )
    codes = "posterior means" if looking.state.codes == "mean" else "one sample of each posterior"
    counts = sorted({of.count for of in found.values()})
    st.caption(
        f"Means over {' to '.join(f'{c:,}' for c in counts)} {looking.nouns} of each model's own data set, drawn "
        f"with seed {looking.state.seed}, from {codes}."
    )
    give(("Curves, CSV", "first-k.csv", lambda: curve_csv({looking.names[n]: of for n, of in found.items()})))
