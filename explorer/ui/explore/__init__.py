"""The page Explore: what is Streamlit's about it."""
