"""Derives readable colours from a tenant's brand colour.

Contrast is that of WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from typing import NamedTuple

READABLE = 4.5
"""Minimum contrast of text and background."""
BLACK, WHITE = "#000000", "#ffffff"
STEPS = 50


class Scheme(NamedTuple):
    """A colour scheme of ``style.css``: its backgrounds, and the direction to more contrast."""

    page: str
    surface: str
    towards: str


LIGHT = Scheme(page="#f6f7f9", surface="#ffffff", towards=BLACK)
DARK = Scheme(page="#14171b", surface="#1d2126", towards=WHITE)


def theme_of(brand: str) -> str:
    """Return a stylesheet that sets the colours of links and buttons."""
    dark = f"@media (prefers-color-scheme: dark) {{ {_link(brand, DARK)} }}"
    buttons = f":root {{ --brand: {brand}; --button: {brand}; --on-button: {text_on(brand)}; }}"
    return "\n".join((buttons, _link(brand, LIGHT), dark))


def readable(color: str, scheme: Scheme) -> str:
    """Return a colour as similar as possible that is readable in a scheme."""
    for step in range(STEPS):
        mixed = _mix(color, scheme.towards, step / STEPS)
        if min(contrast(mixed, scheme.page), contrast(mixed, scheme.surface)) >= READABLE:
            return mixed
    return scheme.towards


def text_on(color: str) -> str:
    """Return white or black, whichever is readable on a colour."""
    return WHITE if contrast(WHITE, color) >= READABLE else BLACK


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _link(brand: str, scheme: Scheme) -> str:
    return f":root {{ --link: {readable(brand, scheme)}; }}"


def _mix(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - WCAG


def _channels(color: str) -> bytes:
    return bytes.fromhex(color.removeprefix("#"))
