"""See the package."""


class ImageDraw:
    pass
