"""Train: a form that starts a run in the background, and the runs themselves while they learn."""

import streamlit as st

from explorer.ui import train_form as form
from explorer.ui import train_launch, train_list, train_watch
from explorer.ui import train_session as session
from explorer.ui.text import sentence

session.follow_url()
st.title("Train")
if session.complaints():
    st.warning("  \n".join(sentence(complaint) for complaint in session.complaints()))
if session.state().run:
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
