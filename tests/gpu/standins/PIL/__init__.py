"""A run draws pictures of itself; where Pillow is not there, they stay empty files."""


class UnidentifiedImageError(OSError):
    pass
