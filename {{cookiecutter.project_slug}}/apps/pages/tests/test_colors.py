"""Colours of tenants: contrast."""

import re
from itertools import product
from pathlib import Path

import pytest

from apps.pages import colors
from apps.pages.colors import DARK, LIGHT, READABLE, Scheme, contrast, readable, text_on

STYLE = Path(colors.__file__).parent / "static" / "pages" / "style.css"
BRANDS = [f"#{bytes(channels).hex()}" for channels in product(range(0, 256, 51), repeat=3)]


def test_contrast_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_contrast_of_links_and_buttons(scheme: Scheme) -> None:
    for brand in BRANDS:
        assert contrast(brand, text_on(brand)) >= READABLE
        link = readable(brand, scheme)
        for behind in (scheme.page, scheme.surface):
            assert contrast(link, behind) >= READABLE, brand


def test_readable_colour_is_unchanged() -> None:
    assert readable("#0b5fff", LIGHT) == "#0b5fff"
    assert readable("#8ab4ff", DARK) == "#8ab4ff"
    assert "--button: #ffee00; --on-button: #000000;" in colors.theme_of("#ffee00")


def test_schemes_match_the_stylesheet() -> None:
    light, dark = re.findall(r"--page: (#\w+);\s+--surface: (#\w+);", STYLE.read_text())[:2]
    assert (light[0], light[1].replace("#fff", "#ffffff")) == LIGHT[:2]
    assert dark == DARK[:2]
