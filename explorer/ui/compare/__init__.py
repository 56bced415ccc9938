"""The page Compare: what is Streamlit's about it."""
