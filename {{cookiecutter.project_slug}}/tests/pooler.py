"""A pooler between a process and PostgreSQL that can change statements."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import SplitResult, urlsplit

from django.db import connections

from apps.isolation.app_registry import SHARED_DB

Rewrite = Callable[[bytes], bytes]


def is_behind_pooler() -> bool:
    """Return whether the tests are connected through a pooler."""
    addresses = (urlsplit(os.environ[name]) for name in ("DATABASE_URL", "DATABASE_OWNER_URL"))
    return len({(each.hostname, each.port) for each in addresses}) > 1


class Refused(Exception):
    """An error that the pooler sends before it closes the connection."""


@contextmanager
def pooler(rewrite: Rewrite) -> Iterator[str]:
    """Yield the address of the test database behind a pooler that applies ``rewrite``.

    The pooler connects to PostgreSQL directly, not through another pooler.
    """

    class Client(StreamRequestHandler):
        def handle(self) -> None:
            owner = urlsplit(os.environ["DATABASE_OWNER_URL"])
            with socket.create_connection((owner.hostname, owner.port)) as server:
                Thread(target=_pass_on, args=[server, self.request], daemon=True).start()
                try:
                    self._serve(server)
                except Refused as error:
                    self.request.sendall(_error(str(error)))
                server.shutdown(socket.SHUT_RDWR)

        def _serve(self, server: socket.socket) -> None:
            server.sendall(self._read_message())
            while kind := self.rfile.read(1):
                message = self._read_message()
                if kind == b"Q":
                    message = _framed(rewrite(message[4:]))
                server.sendall(kind + message)

        def _read_message(self) -> bytes:
            length = self.rfile.read(4)
            return length + self.rfile.read(int.from_bytes(length) - 4)

    with ThreadingTCPServer(("127.0.0.1", 0), Client) as listener:
        listener.daemon_threads = True
        Thread(target=listener.serve_forever, daemon=True).start()
        yield _address(urlsplit(os.environ["DATABASE_URL"]), listener.server_address[1])
        listener.shutdown()


def _address(url: SplitResult, port: int) -> str:
    login, _, _ = url.netloc.rpartition("@")
    database = connections[SHARED_DB].settings_dict["NAME"]
    # Without TLS, since the pooler must read the messages.
    options = "sslmode=disable&gssencmode=disable"
    address = url._replace(netloc=f"{login}@127.0.0.1:{port}", path=f"/{database}", query=options)
    return address.geturl()


def _pass_on(server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while data := server.recv(65536):
            client.sendall(data)


def _framed(body: bytes) -> bytes:
    return (len(body) + 4).to_bytes(4) + body


def _error(message: str) -> bytes:
    return b"E" + _framed(f"SFATAL\0VFATAL\0C08P01\0M{message}\0\0".encode())
