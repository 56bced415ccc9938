"""The page Measure: what is Streamlit's about it."""
