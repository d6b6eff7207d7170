"""A bar that shows progress, rate and time left on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from apps.portability.loading import Progress


@contextmanager
def progress_bar(total: int, unit: str) -> Iterator[Progress]:
    """Show a bar on a terminal within the block; yield the function that advances it."""
    with tqdm(total=total, unit=unit, unit_scale=True, leave=False, disable=None) as bar:
        yield bar.update
