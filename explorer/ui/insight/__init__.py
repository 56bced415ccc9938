"""The room of the page Insight: a file a section, each with `show`."""
