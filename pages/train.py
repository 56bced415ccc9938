"""Train: a form that starts a run in the background, and the runs themselves while they learn."""

import streamlit as st

from explorer.ui.text import sentence
from explorer.ui.train import form, session
from explorer.ui.train import launch as train_launch
from explorer.ui.train import runs as train_list
from explorer.ui.train import sweep as train_sweep
from explorer.ui.train import watch as train_watch

session.follow_url()
st.title("Train")
if session.complaints():
    st.warning("  \n".join(sentence(complaint) for complaint in session.complaints()))
if members := train_sweep.members(session.state().run):
    train_sweep.sweep_page(session.state().run, members)
elif session.state().run:
    train_watch.watch(session.state().run)
else:
    form.presets()
    left, right = st.columns([7, 5], gap="large")
    with left:
        form.data_section()
        networks = form.model_section()
        form.objective_section()
        form.training_section()
    with right:
        with st.container(border=True, key="train-launch"):
            train_launch.launch_section()
        look = st.container()
        train_list.listing()
    with look:
        form.look_section(networks)
