"""Moves tenants between all strategies, kills imports, and measures: `nox -s mobility`.

Run in the build's folder, which contains a project of each strategy: ``python mobility.py FOLDER``.
A tenant with 200,000 rows and files goes through all nine pairs of strategies, each into an
installation of its own, and around through all three. Its sums, and those of a neighbour, stay
equal. Tenants with a writer and a reader are moved while they work, as docs/moving.md says; some of
the moves are killed. Then disks are full, for which the session must run as root. Imports are
killed, and the memory for a million rows and the time of a purge are compared with those of a
hundredth. ``--rows N`` measures with fewer; ``--moves`` moves tenants that work, and does nothing
else. The figures are in results.json; ``--docs`` only writes them into docs/measured.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measured import put_into
from mobility_report import tables_of

STRATEGIES = ("schema", "row", "database")
KILLS = 3
FEW = 10_000
DISKS = (".postgres", "media")
SPARE = {".postgres": 2**20, "media": 2**10}
"""Bytes that are left on a disk that will be full, by what it holds."""
PLENTY = 2**30
MOST_MEMORY = 20 * 1024
"""Kilobytes that a hundred times the rows may add to a process."""
MOST_WAIT_SECONDS = 5
"""How long another tenant may wait for a lock during a purge."""

SEED = """
import sys
from django.core.files.base import ContentFile
from django.core.management import call_command
from apps.authentication.models import User
from apps.isolation import tenant_context
from apps.projects.models import Attachment, Project, Task
from apps.tenants.models import Tenant

slug, rows = {slug!r}, {rows}
email = f"owner@{{slug}}.test"
if not User.objects.filter(email=email).exists():
    User.objects.create_user(email, full_name="Ann Owner")
call_command("create_tenant", slug, owner=email, verbosity=0)
with tenant_context(Tenant.objects.get(slug=slug)):
    project = Project.objects.create(name="Move", created_by=User.objects.get(email=email))
    for begin in range(0, rows, 5000):
        Task.objects.bulk_create(
            Task(project=project, title=f"Task {{n}} of {{slug}}", position=n % 1000)
            for n in range(begin, min(rows, begin + 5000))
        )
    for task in Task.objects.all()[:3]:
        Attachment.objects.create(
            task=task, file=ContentFile(slug.encode() * 1000, name="a"), name="a", size=1
        )
"""
# Writes into another tenant, until the file is there; prints the longest wait.
WRITE = """
import time
from pathlib import Path
from apps.isolation import tenant_context
from apps.projects.models import Project
from apps.tenants.models import Tenant
longest = 0
tenant = Tenant.objects.get(slug="neighbour")
while not Path({stop!r}).exists():
    begun = time.monotonic()
    with tenant_context(tenant):
        Project.objects.create(name=f"{{begun}}")
    longest = max(longest, time.monotonic() - begun)
    time.sleep(0.05)
print(longest)
"""

# Writes over HTTP twenty times a second, and reads, until the tenant has moved. Prints the projects
# that were accepted, and the longest time without an accepted one.
WORK = """
import json, time
from pathlib import Path
from django.test import Client
from apps.isolation.testing.people import PASSWORD
from apps.authentication.models import User

user = User.objects.get(email="owner@{slug}.test")
user.set_password(PASSWORD)
user.save()
client = Client(headers={{"Host": "{slug}.localhost"}}, raise_request_exception=False)
body = {{"email": user.email, "password": PASSWORD}}
token = client.post("/api/v1/auth/token/", body, "application/json").json()["access"]
headers = {{"Authorization": f"Bearer {{token}}"}}
accepted, longest, last, refused = [], 0, time.monotonic(), 0
while not Path({stop!r}).exists():
    name = f"written {{len(accepted)}} {{time.monotonic()}}"
    body = {{"name": name}}
    written = client.post("/api/v1/projects/", body, "application/json", headers=headers)
    read = client.get("/api/v1/projects/", headers=headers).status_code
    if written.status_code == 201:
        accepted.append(name)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    elif written.status_code == 421:
        break
    else:
        assert written.json()["code"] in ("tenant_moving", "throttled"), written.content
        refused += 1
        assert read in (200, 421, 429), read
    Path({begun!r}).touch()
    time.sleep(0.05)
print(json.dumps({{"accepted": accepted, "longest": longest, "refused": refused}}))
"""
STATUS = """
from apps.tenants.models import Tenant
print(Tenant.objects.filter(slug={slug!r}).values_list("status", flat=True).first())
"""
NAMES = """
import json
from apps.isolation import tenant_context
from apps.projects.models import Project
from apps.tenants.models import Tenant
with tenant_context(Tenant.objects.get(slug={slug!r})):
    print(json.dumps(list(Project.objects.values_list("name", flat=True))))
"""


@dataclass
class Done:
    """A process that has ended."""

    output: str
    seconds: float
    kilobytes: int


@dataclass
class Installation:
    """A project with its own PostgreSQL and files."""

    strategy: str
    folder: Path

    def manage(self, *arguments: str) -> Done:
        """Run a command, which must succeed, and measure it."""
        begun = time.monotonic()
        with (self.folder / "output.log").open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=self.folder,
                env=environment(),
                stdout=log,
                stderr=log,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            output = log.read()
        if process.returncode:
            sys.exit(f"FAILED  {' '.join(arguments)[:200]}\n{output[-3000:]}")
        return Done(output, time.monotonic() - begun, used.ru_maxrss)

    def fail(self, *arguments: str) -> str:
        """Run a command, which must fail with a sentence; return its output."""
        process = self.start(*arguments)
        output, errors = process.communicate()
        told = process.returncode == 1 and "Traceback" not in errors
        expect(told, f"{arguments[0]} fails: {errors.strip().splitlines()[-1:]}", output + errors)
        return output + errors

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str) -> str:
        """Run Python in the project."""
        return self.manage("shell", "--no-imports", "-c", code).output.strip()

    def seed(self, slug: str, rows: int) -> None:
        """Create a tenant with rows and files."""
        self.run(SEED.format(slug=slug, rows=rows))

    def export(self, slug: str, file: Path) -> Done:
        """Export a tenant, and measure it."""
        file.unlink(missing_ok=True)
        return self.manage("export_tenant", slug, str(file))

    def status(self, slug: str) -> str:
        """Return the status of a tenant, or "None"."""
        return self.run(STATUS.format(slug=slug)).splitlines()[-1]

    def sums(self, slug: str) -> dict[str, Any]:
        """Return the sums of a tenant's tables, and the hashes of its files."""
        file = self.folder / f"{slug}.sums.tar"
        self.export(slug, file)
        found = manifest(file)
        file.unlink()
        return found


def environment() -> dict[str, str]:
    """Return the environment of the projects: each starts its own PostgreSQL."""
    own = ("DATABASE_", "EMBEDDED_")
    return {name: text for name, text in os.environ.items() if not name.startswith(own)}


def manifest(file: Path) -> dict[str, Any]:
    """Return what an archive says of its tables and files, in the terms of no strategy."""
    with tarfile.open(file) as archive:
        read = archive.extractfile("manifest.json")
        found = json.loads(read.read()) if read else {}
    tables = {name: [each["rows"], each["sums"]] for name, each in found["tables"].items()}
    return {"tables": tables, "files": found["files"]}


def expect(holds: object, what: str, shown: str = "") -> None:
    """Print what holds; exit if it does not."""
    if not holds:
        sys.exit(f"FAILED  {what}\n{shown}")
    print(f"ok  {what}", flush=True)


def copy_of(one: Installation, name: str, *, has_own_disk: bool = False) -> Installation:
    """Return a second installation of a project, with its own PostgreSQL."""
    folder = one.folder.parent.parent / "copies" / f"{one.strategy}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(one.folder, folder, ignore=shutil.ignore_patterns(".postgres", "media", ".env"))
    if has_own_disk:
        for place in DISKS:
            (folder / place).mkdir(mode=0o700)
            subprocess.run(["mount", "-t", "tmpfs", "none", folder / place], check=True)
    subprocess.run(["scripts/bootstrap-env.sh"], cwd=folder, check=True, capture_output=True)
    two = Installation(one.strategy, folder)
    two.manage("migrate", "--verbosity=0")
    two.seed("neighbour", 100)
    return two


def pairs(ones: list[Installation], rows: int, build: Path) -> dict[str, dict[str, float]]:
    """Move a tenant of each strategy into an installation of each; return seconds by pair."""
    archives, wanted, seconds = {}, {}, {}
    for one in ones:
        slug = f"from-{one.strategy}"
        one.manage("migrate", "--verbosity=0")
        one.seed("neighbour", 100)
        one.seed(slug, rows)
        archives[one.strategy] = build / f"{slug}.tar"
        done = one.export(slug, archives[one.strategy])
        wanted[one.strategy] = manifest(archives[one.strategy])
        seconds[f"{one.strategy} export"] = {"seconds": done.seconds, "kilobytes": done.kilobytes}
    for one in ones:
        two = copy_of(one, "second")
        neighbour = two.sums("neighbour")
        for source, archive in archives.items():
            done = two.manage("import_tenant", str(archive))
            two.manage("verify_tenant", f"from-{source}", str(archive))
            same = two.sums(f"from-{source}") == wanted[source]
            expect(same, f"{source} to {two.strategy}: equal rows and files, {done.seconds:.0f} s")
            seconds[f"{source} to {two.strategy}"] = {
                "seconds": done.seconds,
                "kilobytes": done.kilobytes,
            }
        expect(two.sums("neighbour") == neighbour, f"{two.strategy}: the neighbour is unchanged")
    return seconds


def around(ones: list[Installation], build: Path) -> None:
    """Move the tenant of the first one through the others and back."""
    first, *others = ones
    place = build / "from-schema.tar"
    wanted = manifest(place)
    for one in (*others, copy_of(first, "third")):
        one.manage("import_tenant", str(place))
        place = build / f"around-{one.strategy}.tar"
        one.export("from-schema", place)
    expect(manifest(place) == wanted, "schema, row, database, schema: equal rows and files")


def move_all(ones: list[Installation], rows: int) -> dict[str, dict[str, float]]:
    """Move a tenant that works from each strategy to each; return seconds by pair."""
    figures = {}
    for one in ones:
        source = copy_of(one, "moving")
        for other in ones:
            target = copy_of(other, "receiving")
            figures[f"{one.strategy} to {other.strategy}"] = move(source, target, rows)
    return figures


def move(one: Installation, two: Installation, rows: int) -> dict[str, float]:
    """Move a tenant while it works, with a kill in each step; return seconds."""
    slug, pair = f"to-{two.strategy}", f"{one.strategy} to {two.strategy}"
    one.seed(slug, rows)
    neighbours = [each.sums("neighbour") for each in (one, two)]
    to = f"env --chdir={two.folder} {sys.executable} manage.py"
    begin = time.monotonic()
    start_and_kill(one, slug, "start", to)
    one.manage("move_tenant", slug, "start", "--to", to)
    seconds = {"start": time.monotonic() - begin}

    stop, begun = one.folder / "stop", one.folder / "begun"
    for each in (stop, begun):
        each.unlink(missing_ok=True)
    code = WORK.format(slug=slug, stop=str(stop), begun=str(begun))
    worker = one.start("shell", "--no-imports", "-c", code)
    while not begun.exists() and worker.poll() is None:
        time.sleep(0.1)
    start_and_kill(one, slug, "switch", to)
    done = one.manage("move_tenant", slug, "switch", "--to", to, "--fence-seconds=1", "--json")
    output, errors = worker.communicate(timeout=60)
    expect(
        worker.returncode == 0, f"{pair}: reads were answered, writes accepted or refused {errors}"
    )
    work = json.loads(output.splitlines()[-1])
    names = set(json.loads(two.run(NAMES.format(slug=slug))))
    lost = set(work["accepted"]) - names
    expect(work["accepted"] and not lost, f"{pair}: none of {len(work['accepted'])} writes is lost")
    expect(one.sums(slug) == two.sums(slug), f"{pair}: equal rows and files")
    report = json.loads(next(line for line in done.output.splitlines() if line.startswith("{")))
    seconds["without writes"] = report["pause_seconds"]

    one.manage("move_tenant", slug, "back", "--to", to)
    one.manage("move_tenant", slug, "cancel", "--to", to)
    same = [each.sums("neighbour") for each in (one, two)] == neighbours
    expect(same, f"{pair}: moved back; the neighbours are unchanged; {seconds}")
    if one.strategy == two.strategy:
        complete(one, two, slug, to)
    return seconds


def complete(one: Installation, two: Installation, slug: str, to: str) -> None:
    """Move a tenant with its audit log, and delete it where it was."""
    one.manage("move_tenant", slug, "start", "--to", to)
    options = ("--with-audit", "--fence-seconds=1")
    one.manage("move_tenant", slug, "switch", "--to", to, *options)
    wanted = two.sums(slug)
    one.manage("move_tenant", slug, "complete", "--now", "--reason", "It has moved.")
    expect(slug not in one.manage("list_tenants").output, f"{slug} is deleted where it was")
    expect(two.sums(slug) == wanted, f"{slug} is where it has moved to")


def start_and_kill(one: Installation, slug: str, action: str, to: str) -> None:
    """Kill a step of a move at a random moment."""
    process = one.start("move_tenant", slug, action, "--to", to, "--fence-seconds=60")
    time.sleep(random.uniform(3, 12))  # noqa: S311 - no secret
    process.kill()
    process.communicate()


def kill(one: Installation, archive: Path, slug: str, seconds: float) -> None:
    """Kill imports, each within the seconds that one takes; the last run must complete them."""
    wanted = manifest(archive)
    for number in range(KILLS):
        process = one.start("import_tenant", str(archive))
        time.sleep(seconds * random.uniform(0.3, 0.8))  # noqa: S311 - no secret
        process.kill()
        process.wait()
        expect(process.returncode < 0, f"{one.strategy}: import {number + 1} was killed")
    one.manage("import_tenant", str(archive))
    expect(one.sums(slug) == wanted, f"{one.strategy}: equal after {KILLS} kills")


def run_out_of_space(one: Installation, archive: Path, slug: str) -> None:
    """Move and import a tenant without space on a disk; the import must be completed with space."""
    wanted = manifest(archive)
    for place in DISKS:
        two = copy_of(one, "full", has_own_disk=True)
        to = f"env --chdir={two.folder} {sys.executable} manage.py"
        imported = ("import_tenant", str(archive))
        purged = ("--confirm", slug, "--now", "--reason", "A test.")
        try:
            without_space(two, place, one, "move_tenant", slug, "start", "--to", to)
            expect(one.status(slug) == "active", f"{one.strategy}: {slug} works after a move fails")
            one.manage("move_tenant", slug, "cancel", "--to", to)
            without_space(two, place, two, *imported)
            expect(two.status(slug) == "importing", f"{one.strategy}: an import fails")
            two.manage(*imported)
            expect(two.sums(slug) == wanted, f"{one.strategy}: the import has space for {place}")
            two.manage("archive_tenant", slug)
            two.manage("purge_tenant", slug, *purged)
            expect(two.status(slug) == "None", f"{one.strategy}: {slug} is purged")
        finally:
            for each in DISKS:
                subprocess.run(["umount", "--lazy", two.folder / each], check=True)


def without_space(full: Installation, place: str, one: Installation, *arguments: str) -> None:
    """Run a command, which must fail with a sentence, while a disk is full."""
    resize(full, place, spare=SPARE[place])
    one.fail(*arguments)
    resize(full, place, spare=PLENTY)


def resize(one: Installation, place: str, *, spare: int) -> None:
    """Leave so many bytes on the disk of a place."""
    folder = one.folder / place
    used = shutil.disk_usage(folder).used
    subprocess.run(["mount", "-o", f"remount,size={used + spare}", folder], check=True)


def grow(one: Installation, rows: int, build: Path) -> dict[str, float]:
    """Compare the memory of few rows with that of many, and time a purge beside a writer."""
    used: dict[int, list[int]] = {}
    figures: dict[str, float] = {}
    two = copy_of(one, "large")
    for count in (FEW, rows):
        slug, archive = f"rows-{count}", build / f"rows-{count}.tar"
        one.seed(slug, count)
        exported = one.export(slug, archive)
        imported = two.manage("import_tenant", str(archive))
        used[count] = [exported.kilobytes, imported.kilobytes]
        figures |= {f"export of {count}": exported.seconds, f"import of {count}": imported.seconds}
        figures |= {f"memory of {count}": max(used[count])}
        if count == rows:
            figures |= {f"pg_dump, {key}": each for key, each in native(one, slug).items()}
    more = [late - early for early, late in zip(used[FEW], used[rows], strict=True)]
    expect(max(more) <= MOST_MEMORY, f"{one.strategy}: {more} kB more for {rows} rows")
    figures["purge"] = purge(two, f"rows-{rows}")
    return figures


def native(one: Installation, slug: str) -> dict[str, float]:
    """Return the seconds that PostgreSQL's own programs take for a tenant's rows."""
    program = [sys.executable, str(Path(__file__).with_name("native_backup.py")), slug]
    done = subprocess.run(
        program, cwd=one.folder, env=environment(), capture_output=True, text=True, check=False
    )
    expect(done.returncode == 0, f"{one.strategy}: {slug} by pg_dump", done.stdout + done.stderr)
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def purge(one: Installation, slug: str) -> float:
    """Purge a tenant while another one writes; return the seconds."""
    stop = one.folder / "stop"
    stop.unlink(missing_ok=True)
    writer = one.start("shell", "--no-imports", "-c", WRITE.format(stop=str(stop)))
    one.manage("archive_tenant", slug)
    options = ("--confirm", slug, "--now", "--reason", "A measurement.")
    done = one.manage("purge_tenant", slug, *options)
    stop.touch()
    output, errors = writer.communicate()
    expect(writer.returncode == 0, f"{one.strategy}: another tenant writes during a purge {errors}")
    longest = float(output.split()[-1])
    what = f"{one.strategy}: purge in {done.seconds:.0f} s; others waited {longest:.1f} s at most"
    expect(longest < MOST_WAIT_SECONDS, what)
    return done.seconds


def main() -> None:
    """Run all parts; exit 1 after a problem."""
    parser = argparse.ArgumentParser("nox -s mobility --", description=__doc__)
    parser.add_argument("folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of each pair")
    parser.add_argument("--many", type=int, default=1_000_000, help="rows for memory and purge")
    parser.add_argument("--moves", action="store_true", help="only move tenants that work")
    parser.add_argument("--docs", action="store_true", help="only write the last run's figures")
    options = parser.parse_args()
    build = options.folder.absolute()
    results = build / "results.json"
    if options.docs:
        put_into("mobility", tables_of(json.loads(results.read_text(encoding="utf-8"))))
        return
    ones = [Installation(name, next((build / name).glob("my_*"))) for name in STRATEGIES]
    figures: dict[str, Any] = {"moves": move_all(ones, options.rows)}
    if options.moves:
        print(json.dumps(figures, indent=1))
        return
    figures |= {"rows": options.rows, "many_rows": options.many}
    figures |= pairs(ones, options.rows, build)
    around(ones, build)
    for one in ones:
        run_out_of_space(one, build / f"from-{one.strategy}.tar", f"from-{one.strategy}")
    for one in ones:
        name, seconds = one.strategy, figures[f"{one.strategy} to {one.strategy}"]["seconds"]
        kill(copy_of(one, "killed"), build / f"from-{name}.tar", f"from-{name}", seconds)
    figures["many"] = {one.strategy: grow(one, options.many, build) for one in ones}
    results.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
