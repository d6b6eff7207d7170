"""Keys of rows that differ between an archive and this installation."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from apps.portability.exceptions import ArchiveError

if TYPE_CHECKING:
    from array import array


class KeyMap:
    """The key here for each key in an archive; both are texts, and no two are equal."""

    def __init__(self, what: str, pairs: Mapping[str, str]) -> None:
        self._pairs = pairs
        if len(set(pairs.values())) != len(pairs):
            message = f"Two rows of {what} in the archive are one row here."
            raise ArchiveError(message)

    def get(self, key: str) -> str | None:
        """Return the key here; None if the archive has no such key."""
        return self._pairs.get(key)

    def moved(self) -> Iterator[tuple[str, str]]:
        """Yield each pair of keys that differ."""
        yield from (pair for pair in self._pairs.items() if pair[0] != pair[1])


class NumberMap(KeyMap):
    """The number here for each number in an archive, in 16 bytes per row."""

    def __init__(self, there: "array[int]", here: "array[int]") -> None:
        self._there, self._here = there, here

    def get(self, key: str) -> str | None:
        """Return the number here; None if the archive has no such number."""
        try:
            number = int(key)
        except ValueError:
            return None
        place = bisect_left(self._there, number)
        is_known = place < len(self._there) and self._there[place] == number
        return str(self._here[place]) if is_known else None

    def moved(self) -> Iterator[tuple[str, str]]:
        """Yield each pair of numbers that differ."""
        pairs = zip(self._there, self._here, strict=True)
        yield from ((str(one), str(other)) for one, other in pairs if one != other)


type Maps = Mapping[str, KeyMap]
"""Maps by the label of the model."""
