"""Streamlit pieces that pages share: the model picker, the state in the URL, cached computing."""

# Whichever page or piece comes first: from here on it is known who asks.
from explorer.ui import sign_in as sign_in
