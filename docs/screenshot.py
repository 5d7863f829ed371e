"""Write `report.png`: the first screen of the page that `falusage demo` writes.

    python docs/screenshot.py

The picture keeps the headline of that page, so that a test notices if the numbers have changed.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import ViewportSize, sync_playwright

from falusage.cli import main as falusage

PICTURE: Final = Path(__file__).with_name("report.png")
_SIZE: Final[ViewportSize] = {"width": 1200, "height": 1560}


def take(page: Path) -> tuple[bytes, str]:
    """Return the first screen of a report as PNG, and its headline."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        opened = browser.new_page(viewport=_SIZE, color_scheme="light")
        opened.goto(page.as_uri())
        headline = opened.locator(".headline").first.inner_text()
        picture = opened.screenshot()
        browser.close()
    return picture, headline


def main() -> None:
    """Run the demo and keep its first screen, in 256 colours, so that it is small."""
    with tempfile.TemporaryDirectory() as folder:
        falusage(["demo", "--out", folder])
        picture, headline = take(Path(folder) / "report.html")
    kept = PngInfo()
    kept.add_text("headline", headline)
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(PICTURE, optimize=True, pnginfo=kept)


if __name__ == "__main__":
    main()
