"""Pictures of numbers: arrays in, Plotly figures or image arrays out. Knows neither torch nor streamlit."""
