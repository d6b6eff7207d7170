"""Does the work of this process while PostgreSQL does its own."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor


def one_ahead[Given, Made](
    function: Callable[[Given], Made], items: Iterable[Given]
) -> Iterator[Made]:
    """Yield the function's result for each item, made in a thread while the next item is read.

    Besides the item that is read, at most two are held. The function may not use the database: its
    connections belong to the calling thread.
    """
    with ThreadPoolExecutor(max_workers=1) as executor:
        earlier: Future[Made] | None = None
        for item in items:
            later = executor.submit(function, item)
            if earlier:
                yield earlier.result()
            earlier = later
        if earlier:
            yield earlier.result()
