"""A model as files that others can use: ONNX, a web page, pictures, films, the Hugging Face layout."""
