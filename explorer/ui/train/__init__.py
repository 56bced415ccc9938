"""The page Train: what is Streamlit's about it."""
