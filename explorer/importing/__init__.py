"""Models from elsewhere: look, read, try out, convert, fetch. A file is data, never code."""
