"""The explorer that runs in the browser: its scripts, what they are given, and where their networks lie."""
