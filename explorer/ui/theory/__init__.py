"""The page Theory: what is Streamlit's about it."""
