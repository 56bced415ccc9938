"""Sections of the page Insight on anomalies, planes, concepts, paths and sequences, touched without a browser."""

from __future__ import annotations

from .conftest import Opener, make, said

PAGE = "pages/insight.py"


def test_an_anomaly_is_placed_scored_and_drawn_over_beta(open_app: Opener) -> None:
    make("strong", seed=3, training={"objective": "beta", "beta": 16.0, "data": "dsprites", "latents": 4})
    at = open_app(PAGE, section="anomalies", model=["alpha", "strong"], count="10", odd="erased", image="99999999")
    told = said(at)
    assert not at.exception and "737,279" in told and "Pooled over 40,960 pixels of 10 images" in told
    assert len([chart for chart in at.get("plotly_chart") if "over-beta" in chart.proto.id]) == 1
    [toggle] = at.toggle
    toggle.set_value(True).run()
    assert at.query_params["odd_projection"] == "True" and not at.exception
    assert any("projection" in list(frame.value.iloc[:, 0]) for frame in at.dataframe)


def test_a_plane_is_square_or_polar_and_its_axes_are_never_the_same(open_app: Opener) -> None:
    asked = {"section": "plane", "model": "alpha", "count": "10", "plane_side": "4"}
    at = open_app(PAGE, **asked, plane_across="2", plane_up="2", plane_colour="cos")
    across, up = (next(box for box in at.selectbox if box.label == label) for label in ("Across", "Up"))
    assert not at.exception and across.value == 2 and up.value != 2 and "at 16 of 16 points" in said(at)
    at = open_app(PAGE, **asked, plane_layout="polar", plane_others="zero")
    assert not at.exception and "of 9 points" in said(at)
    make("one", latents=1)
    assert "one latent, and so no plane" in said(open_app(PAGE, **(asked | {"model": "one"})))


def test_concepts_are_moved_to_another_latent_and_need_labels(open_app: Opener) -> None:
    asked = {"section": "concepts", "model": "alpha", "count": "20", "concept_factor": "3", "concept_axis": "2"}
    at = open_app(PAGE, **asked, concept_with="4")
    assert not at.exception and "posX × posY" not in said(at) and "posX on z2" in said(at)
    assert "Fitted to 10 images, tested on 10 others" in said(at)


def test_ways_and_sums_are_there_also_for_images_that_are_not(open_app: Opener) -> None:
    at = open_app(PAGE, section="ways-between", model="alpha", count="10", other="800000", path_steps="3")
    assert not at.exception and "There are images 0 to 737,279" in said(at)
    assert "Along the data the way goes by" in said(at) and "‖z‖²/D of A − B + C is" in said(at)


def test_frames_have_a_cursor_within_their_number(open_app: Opener) -> None:
    at = open_app(PAGE, section="sequences", model=["alpha", "beta"], frames="5", frame="900", sequence="77")
    [slider] = at.slider
    assert not at.exception and slider.value == slider.max == 4
    assert "Sequence 39 of 40; posX and posY" in said(at) and len(at.dataframe) == 2
