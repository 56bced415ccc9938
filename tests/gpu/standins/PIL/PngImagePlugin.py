"""See the package."""


class PngInfo:
    def add_text(self, name: str, text: str) -> None:
        pass
