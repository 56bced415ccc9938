"""Streamlit pieces that pages share: the model picker, the state in the URL, cached computing."""
