"""Beta-VAE Explorer. Start it with: streamlit run app.py"""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import paths
from explorer.ui import sign_in, tour, whence
from explorer.ui.server import door, garbage

if get_script_run_ctx(suppress_warning=True) is None:  # the server, which asks for `app`
    app = st.App(__file__, middleware=door.middleware())
else:  # a session, which runs this file for each of its pages
    st.set_page_config(page_title="Beta-VAE Explorer", page_icon="🎛️", layout="wide")
    st.html(paths.PROJECT / "explorer" / "ui" / "style.css")

    page = st.navigation(
        [
            st.Page(
                "pages/explore.py",
                title="Explore",
                icon=":material/tune:",
                help="One model, a slider for each latent dimension.",
                default=True,
            ),
            st.Page(
                "pages/compare.py",
                title="Compare",
                icon=":material/compare:",
                help="Several models side by side, under the same sliders.",
            ),
            st.Page(
                "pages/train.py",
                title="Train",
                icon=":material/model_training:",
                help="Start runs, and watch them learn.",
            ),
            st.Page(
                "pages/measure.py",
                title="Measure",
                icon=":material/straighten:",
                help="How disentangled models are, and the numbers behind the scores.",
            ),
            st.Page(
                "pages/insight.py",
                title="Insight",
                icon=":material/search_insights:",
                help="What papers have shown of such models, on any model: interventions, pruning and more.",
            ),
            st.Page(
                "pages/library.py",
                title="Library",
                icon=":material/grid_view:",
                help="Every model at hand: its picture, its recipe and its numbers.",
            ),
            st.Page(
                "pages/theory.py",
                title="Theory",
                icon=":material/function:",
                help="The objective, and what each of its symbols does.",
            ),
        ],
        position="top",
    )
    sign_in.identity_line()
    tour.follow()
    tour.show(page.title.lower())
    if page.title == "Explore":
        tour.offer()
    page.run()
    whence.drop_a_file()
    garbage.spare_modules()
