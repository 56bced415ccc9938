"""The page Library: what is Streamlit's about it."""
