"""Own images on the page Library."""


def section() -> None: ...
