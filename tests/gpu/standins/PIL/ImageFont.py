"""See the package."""


class ImageFont:
    pass


FreeTypeFont = ImageFont
