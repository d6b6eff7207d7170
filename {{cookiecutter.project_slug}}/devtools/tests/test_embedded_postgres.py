"""The embedded PostgreSQL, with real binaries in temporary projects."""

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config import env
from devtools import embedded_postgres

USE = """
import os, sys
from devtools.embedded_postgres import configure_environment
configure_environment()
print(os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"], flush=True)
sys.stdin.read()
"""
NEEDED = (
    "config/__init__.py",
    "config/env.py",
    "devtools/__init__.py",
    "devtools/embedded_postgres.py",
    "devtools/postgres_remedies.py",
    "devtools/pytest_plugin.py",
)
PROMISED = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    "TimeZone": "UTC",
    "synchronous_commit": "on",  # without fsync, it protects commits from a kill
}
OURS = ("DATABASE_URL", "DATABASE_OWNER_URL", env.EMBEDDED_DATABASE_URL)


class Project:
    """A project folder with the module under test, and processes that use it."""

    def __init__(self, folder: Path) -> None:
        """Copy the module, and the modules that it imports."""
        self.folder = folder
        self.home = folder / ".postgres"
        for name in NEEDED:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(env.BASE_DIR / name, folder / name)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment without the database of the project that runs these tests."""
        return {name: os.environ[name] for name in os.environ if name not in OURS} | more

    def start(self, **more: str) -> subprocess.Popen[str]:
        """Start a process that uses the server until its standard input ends."""
        return subprocess.Popen(
            [sys.executable, "-c", USE],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextlib.contextmanager
    def user(self, **more: str) -> Iterator[tuple[str, str]]:
        """Use the server from another process; yield the run-time URL and the owner's URL."""
        with self.start(**more) as process:
            yield urls(process)
            process.communicate()
        assert process.returncode == 0

    def fail(self, *, prepare: str = "", limit: Callable[[], object] | None = None) -> str:
        """Return the error of a process that fails."""
        done = subprocess.run(
            [sys.executable, "-c", prepare + USE],
            cwd=self.folder,
            env=self.environment(),
            preexec_fn=limit,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done
        kind, _, sentence = done.stderr.splitlines()[-1].partition(": ")
        assert kind == "devtools.embedded_postgres.EmbeddedPostgresError", done.stderr
        assert sentence.endswith("or set DATABASE_URL to use your own PostgreSQL.")
        return sentence

    def is_running(self) -> bool:
        """Return whether a process of the server or its supervisor lives."""
        return not all(is_free(self.home / name) for name in ("server.lock", "supervisor.lock"))

    def wait_until_stopped(self) -> None:
        """Wait until the server has stopped by itself."""
        deadline = time.monotonic() + 5
        while self.is_running():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def postmaster(self) -> int:
        """Return the process id of the server."""
        return int((self.home / "data" / "postmaster.pid").read_text().splitlines()[0])

    def supervisor(self) -> int:
        """Return the process id of the supervisor, which is the server's parent."""
        status = Path(f"/proc/{self.postmaster()}/status").read_text()
        return int(status.split("PPid:")[1].split()[0])


def urls(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Read the two URLs that a user of the server prints."""
    assert process.stdout
    runtime, owner = process.stdout.readline().split()
    return runtime, owner


def is_free(path: Path) -> bool:
    """Return whether no process has locked the file exclusively."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement in a new connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("embedded") / "a project's földer")


@pytest.fixture
def project(_shared: Project) -> Iterator[Project]:
    """Yield a project, perhaps with a cluster, and check that no process is left."""
    yield _shared
    _shared.wait_until_stopped()
    assert list(_shared.home.glob("new-*")) == []


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """Return a project without a cluster."""
    return Project(tmp_path / "project")


def test_roles_have_the_documented_attributes_only(project: Project) -> None:
    with project.user() as (runtime, owner):
        rows = query(
            owner,
            "SELECT rolname, rolcanlogin, rolcreatedb, rolcreaterole, rolsuper, rolreplication,"
            " rolbypassrls FROM pg_roles WHERE rolname !~ '^pg_'",
        )
        assert sorted(rows) == [
            ("app_owner", True, True, True, False, False, False),
            ("app_user", True, False, False, False, False, False),
            ("postgres", True, True, True, True, True, True),
        ]
        database = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'"
        assert query(owner, database) == [("app_owner",)]
        assert query(runtime, "SELECT current_user, current_database()") == [("app_user", "app")]
        owned = "SELECT count(*) FROM pg_shdepend WHERE refobjid = 'app_user'::regrole"
        assert query(runtime, f"{owned} AND deptype = 'o'") == [(0,)]
        assert query(runtime, "SELECT count(*) FROM pg_auth_members WHERE member > 16383") == [(0,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(runtime, "CREATE TABLE public.mine ()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(runtime, "CREATE TEMPORARY TABLE mine ()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(runtime, "SELECT lo_from_bytea(0, 'x')")
        assert query(runtime, "SELECT lower('ÄÖ')") == [("äö",)]
        settings = query(runtime, "SELECT json_object_agg(name, setting) FROM pg_settings")[0][0]
        assert {name: settings[name] for name in PROMISED} == PROMISED


def test_other_roles_cannot_connect(project: Project) -> None:
    with project.user() as (runtime, owner):
        query(owner, "CREATE ROLE stranger LOGIN PASSWORD 'x'")
        try:
            stranger = owner.replace(owner.split("//")[1].split("@")[0], "stranger:x")
            for url in (
                stranger,
                *(f"{runtime[:-4]}/{name}" for name in ("postgres", "template1")),
            ):
                with pytest.raises(psycopg.OperationalError, match="permission denied"):
                    query(url, "SELECT 1")
        finally:
            query(owner, "DROP ROLE stranger")
        for login in ("app_user:wrong", "postgres", "postgres:postgres"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                query(f"postgres://{login}@{runtime.split('@')[1]}", "SELECT 1")
        query(f"{owner[:-4]}/postgres", "CREATE DATABASE test_app")
        query(f"{owner[:-4]}/postgres", "DROP DATABASE test_app")


def test_processes_share_a_server_until_the_last_one_ends(project: Project) -> None:
    with project.user() as first:
        with project.user() as second:
            assert first == second
        assert query(first[0], "SELECT 1") == [(1,)]
    assert not project.is_running()  # at once, since the last user waits for it


def test_child_process_outlives_its_parent(project: Project) -> None:
    with project.start() as parent:
        runtime, owner = urls(parent)
        handed_down = dict(zip(OURS, (runtime, owner, runtime), strict=True))
        with project.user(**handed_down) as (same, _):
            parent.kill()
            parent.wait()
            assert query(same, "SELECT 1") == [(1,)]


def test_server_stops_after_a_killed_process_without_data_loss(project: Project) -> None:
    with project.start() as process:
        _, owner = urls(process)
        query(owner, "CREATE TABLE kept AS SELECT 7 AS value")
        process.kill()
    project.wait_until_stopped()
    with project.user() as (_, owner):
        assert query(owner, "TABLE kept") == [(7,)]
        query(owner, "DROP TABLE kept")


def test_process_killed_while_the_server_starts(project: Project) -> None:
    for pause in (0.05, 0.1, 0.15, 0.2):
        with project.start() as process:
            time.sleep(pause)
            process.kill()
    with project.user() as (runtime, _):
        assert query(runtime, "SELECT 1") == [(1,)]


def test_server_does_not_hold_the_output_open(project: Project) -> None:
    with project.start() as first:
        urls(first)
        with project.user():
            began = time.monotonic()
            first.communicate()  # until its standard output ends
            assert time.monotonic() - began < 1
            assert project.is_running()


def test_killed_supervisor_is_replaced(project: Project) -> None:
    with project.user() as first:
        os.kill(project.supervisor(), signal.SIGKILL)
        with project.user() as second:
            assert first == second
        assert query(first[0], "SELECT 1") == [(1,)]
    assert not project.is_running()


def test_terminated_supervisor_stops_the_server(project: Project) -> None:
    with project.user():
        os.kill(project.supervisor(), signal.SIGTERM)
        project.wait_until_stopped()


def test_killed_server_is_restarted_without_data_loss(project: Project) -> None:
    with project.user() as (_, owner):
        query(owner, "CREATE TABLE kept AS SELECT 8 AS value")
        os.kill(project.postmaster(), signal.SIGKILL)
        project.wait_until_stopped()
        with project.user() as (_, again):
            assert query(again, "TABLE kept") == [(8,)]
            query(again, "DROP TABLE kept")


def test_all_processes_killed(project: Project) -> None:
    with project.start() as process:
        urls(process)
        victims = (project.supervisor(), project.postmaster(), process.pid)
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
    with project.user() as (runtime, _):
        assert query(runtime, "SELECT 1") == [(1,)]


def test_stale_files_are_ignored(project: Project) -> None:
    with project.user():
        stale = (project.home / "data" / "postmaster.pid").read_text().splitlines()
    (project.home / "new-1").mkdir()
    stale[0] = str(os.getpid())  # a process id that is another process's by now
    (project.home / "data" / "postmaster.pid").write_text("\n".join([*stale, ""]))
    with project.user() as (runtime, _):
        assert query(runtime, "SELECT 1") == [(1,)]
    (project.home / "new-1").rmdir()


def test_many_processes_start_and_end(project: Project) -> None:
    script = USE.replace("sys.stdin.read()", "")
    script += "import psycopg\npsycopg.connect(os.environ['DATABASE_URL']).execute('SELECT 1')"
    loop = f'for i in 1 2; do {sys.executable} -c "$0" || exit 1; done'
    crowd = [
        subprocess.Popen(
            ["/bin/sh", "-c", loop, script],
            cwd=project.folder,
            env=project.environment(),
            stdout=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]
    assert [process.wait() for process in crowd] == [0, 0, 0, 0]


@pytest.mark.skipif(os.geteuid() != 0, reason="about root")
def test_root_runs_the_server_as_nobody(fresh: Project) -> None:
    fresh.folder.chmod(0o700)
    accounts = Path("/etc/passwd").read_bytes()
    modes = [(path, path.stat()[:1]) for path in fresh.folder.parents]
    with fresh.user() as (runtime, _):
        assert query(runtime, "SELECT 1") == [(1,)]
        assert Path(f"/proc/{fresh.postmaster()}").stat().st_uid != 0
    assert Path("/etc/passwd").read_bytes() == accounts
    assert [(path, path.stat()[:1]) for path in fresh.folder.parents] == modes
    assert fresh.folder.stat().st_mode & 0o777 == 0o700


def test_secrets_are_readable_by_their_owner_only(project: Project) -> None:
    with project.user():
        pass
    for name in ("data", "data/passwords", "server.log", "users.lock"):
        assert (project.home / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_database_url_disables_the_embedded_server(
    fresh: Project, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    more = {"DATABASE_URL": "postgres://u:p@h/d", "DATABASE_OWNER_URL": "postgres://o:p@h/d"}
    if where == ".env":
        lines = [f"{name}={value}\n" for name, value in more.items()]
        (fresh.folder / ".env").write_text("".join(lines))
        more = {}
    with fresh.user(**more) as found:
        assert found == ("postgres://u:p@h/d", "postgres://o:p@h/d")
    assert not fresh.home.exists()
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/d")
    embedded_postgres.configure_environment()
    assert os.environ["DATABASE_URL"] == "postgres://u:p@h/d"


def test_empty_database_url_is_ignored(project: Project) -> None:
    with project.user(DATABASE_URL="") as (runtime, _):
        assert query(runtime, "SELECT 1") == [(1,)]


def test_full_disk_leaves_no_incomplete_cluster(fresh: Project) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))

    assert "PostgreSQL did not start: " in fresh.fail(limit=limit)
    assert not fresh.is_running()
    assert {path.suffix for path in fresh.home.iterdir()} == {".lock", ".log"}
    with fresh.user() as (runtime, _):  # and the next start works
        assert query(runtime, "SELECT 1") == [(1,)]


def test_folder_cannot_be_created(fresh: Project) -> None:
    fresh.home.touch()
    assert f"PostgreSQL cannot run in {fresh.home}" in fresh.fail()


def test_folder_of_another_user(fresh: Project) -> None:
    fresh.home.mkdir()
    sentence = fresh.fail(prepare="import os\nos.geteuid = lambda: 4711\n")
    assert f"{fresh.home} belongs to user {os.getuid()}: work as that user" in sentence


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("PG_VERSION", b"9\n"),  # the major version
        ("PG_VERSION", b"19\n"),
        ("PG_VERSION", b""),
        ("PG_VERSION", None),
        ("global/pg_control", b"\0" * 8192),  # it holds the version of the system's tables
        ("global/pg_control", b""),
        ("global/pg_control", None),
        ("pg_wal", None),
    ],
)
def test_unusable_data_is_kept_and_the_error_says_what_to_delete(
    project: Project, file: str, text: bytes | None
) -> None:
    with project.user():
        pass
    path, kept = project.home / "data" / file, project.home / "data" / "kept"
    path.rename(kept)
    if text is not None:
        shutil.copy(kept, path)
        path.write_bytes(text)
    if os.geteuid() == 0 and path.exists():
        shutil.chown(path, kept.stat().st_uid)
    sentence = project.fail()
    assert "PostgreSQL did not start: " in sentence
    assert f"; delete {project.home} to start from scratch (its data is lost)" in sentence
    path.unlink(missing_ok=True)
    kept.rename(path)
    with project.user() as (runtime, _):
        assert query(runtime, "SELECT 1") == [(1,)]


def test_temporary_fault_keeps_the_data(project: Project) -> None:
    """For example an invalid setting, or a port in use."""
    with project.user():
        pass
    extra = project.home / "data" / "postgresql.auto.conf"
    before = extra.read_text()
    extra.write_text("no_such_setting = 1\n")
    sentence = project.fail()
    extra.write_text(before)
    assert "PostgreSQL did not start: " in sentence
    assert "delete" not in sentence


def test_missing_wheel(fresh: Project) -> None:
    prepare = "import importlib.util\nimportlib.util.find_spec = lambda name: None\n"
    assert "not installed: install the group `dev`" in fresh.fail(prepare=prepare)


def test_windows_is_not_supported(fresh: Project) -> None:
    prepare = "import devtools.embedded_postgres, config.env, sys\nsys.platform = 'win32'\n"
    assert "needs Linux or macOS" in fresh.fail(prepare=prepare)


def test_pytest_plugin_configures_the_environment_first(project: Project) -> None:
    (project.folder / "test_it.py").write_text(
        "import os\n\ndef test_it():\n    assert '/app' in os.environ['DATABASE_URL']\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "devtools.pytest_plugin",
        "-p",
        "no:django",
    ]
    # Without the options of this run, whose plugins may be missing there.
    environment = project.environment(PYTEST_ADDOPTS="", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    subprocess.run(command, cwd=project.folder, env=environment, check=True)
