"""Check a built site: pages load no external files, and every page is linked.

``python built_site.py FOLDER``
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

# Attributes whose address a browser loads automatically, unlike a link.
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
NOT_LED_TO = {"404.html", "index.html"}


class Page(HTMLParser):
    """The resources and links of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: set[str] = set()
        self.leads: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADING and given.get("rel") != "canonical":
            self.loads.add(given.get(LOADING[tag]) or "")
        if tag == "a":
            self.leads.add((given.get("href") or "").partition("#")[0])


def problems(folder: Path) -> list[str]:
    pages = {path.name: Page(path) for path in folder.glob("*.html")}
    foreign = [
        f"{name} loads {address}"
        for name, page in pages.items()
        for address in page.loads
        if address.startswith(("http:", "https:", "//"))
    ]
    led_to = {address for page in pages.values() for address in page.leads}
    lost = [f"nothing leads to {name}" for name in pages.keys() - led_to - NOT_LED_TO]
    return [*foreign, *sorted(lost)] if pages else [f"there is no page in {folder}"]


if __name__ == "__main__":
    sys.exit("\n".join(problems(Path(sys.argv[1]))) or 0)
