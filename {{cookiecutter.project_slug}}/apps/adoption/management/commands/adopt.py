"""Bring the data of an existing project."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from apps.adoption import services
from apps.adoption.checking import check
from apps.adoption.drafting import COLUMNS, draft
from apps.adoption.plan import Plan
from apps.adoption.services import Options
from apps.adoption.source import Customer, connected, opened_source
from apps.portability.exceptions import ArchiveError
from apps.portability.management.base import in_sentences
from apps.portability.people import read_mapping

STEPS: Final = {
    "init": "write a first plan from tables and columns of equal names",
    "check": "find what would stop the adoption; write nothing",
    "copy": "copy tenants, or what has changed since the last copy",
    "verify": "compare tenants with the source",
    "open": "copy what has changed, verify it, and serve the tenants",
    "rollback": "remove tenants",
    "status": "print the status of each tenant",
}


class Command(BaseCommand):
    """``adopt PLAN.toml init|check|copy|verify|open|rollback|status [--tenant SLUG] …``."""

    help = "Bring the data of an existing project, which stays as it is: docs/adoption.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        steps = "; ".join(f"{name}: {text}" for name, text in STEPS.items())
        parser.add_argument("plan", help="file with the plan")
        parser.add_argument("step", choices=STEPS, help=steps)
        parser.add_argument("--source", default="env:LEGACY_URL", help="init: the source's address")
        parser.add_argument("--tenant", action="append", help="slug; all tenants without it")
        parser.add_argument("--media", type=Path, help="folder of the source's files")
        parser.add_argument("--users", default="", help="CSV file, as in import_tenant")
        parser.add_argument("--trust-addresses", action="store_true", help="as in import_tenant")
        parser.add_argument(
            "--with-passwords", action="store_true", help="open: also the hashes of passwords"
        )
        parser.add_argument(
            "--discard-changes", action="store_true", help="rollback: also of changed tenants"
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *args: object, plan: str, step: str, **options: Any) -> None:
        """Do one step, for each tenant by itself; fail at the end if a tenant failed."""
        with in_sentences(f"{step} {plan}"):
            if step == "init":
                self._draft(Path(plan), options["source"])
                return
            read = Plan.read(plan)
            if step == "check":
                self._check(read, options["media"], as_json=options["json"])
                return
            with opened_source(read) as source:
                customers = _chosen(source.customers(), options["tenant"])
            wanted = Options(
                media=options["media"],
                mapping=read_mapping(options["users"]),
                trusts_addresses=options["trust_addresses"],
                with_passwords=options["with_passwords"],
                discards=options["discard_changes"],
            )
        self._do(step, read, customers, wanted, as_json=options["json"])

    def _draft(self, file: Path, address: str) -> None:
        with connected(address) as connection, connection.cursor() as cursor:
            cursor.execute(COLUMNS)
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        # The address may contain a password.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(draft(rows, address))
        self.stdout.write(f"{file} was written. Complete it, then run: adopt {file} check")

    def _check(self, plan: Plan, media: Path | None, *, as_json: bool) -> None:
        with opened_source(plan) as source:
            counts, found = check(source, media)
        if as_json:
            self.stdout.write(json.dumps({"rows": counts, "problems": found}))
        else:
            for label, count in counts.items():
                self.stdout.write(f"{label}: {count}")
            for sentence in found:
                self.stdout.write(sentence)
        if found:
            raise CommandError(f"Problems: {len(found)}. Nothing was written.")

    def _do(
        self,
        step: str,
        plan: Plan,
        customers: list[Customer],
        options: Options,
        *,
        as_json: bool,
    ) -> None:
        failed = 0
        reports: dict[str, Any] = {}
        for customer in customers:
            try:
                with in_sentences(f"{step} {customer.slug!r}"):
                    reports[customer.slug] = _result(step, plan, customer, options)
            except (CommandError, DatabaseError, ValueError) as error:
                failed += 1
                reports[customer.slug] = {"error": str(error)}
            if not as_json:
                self.stdout.write(f"{customer.slug}: {_words(reports[customer.slug])}")
        if as_json:
            self.stdout.write(json.dumps(reports))
        if failed:
            raise CommandError(f"{failed} of {len(customers)} tenants failed. Run it again.")


def _chosen(customers: list[Customer], slugs: list[str] | None) -> list[Customer]:
    known = {each.slug: each for each in customers}
    if unknown := set(slugs or ()) - known.keys():
        raise ArchiveError(f"tenants.query returns no tenant {min(unknown)!r}.")
    return [known[slug] for slug in slugs] if slugs else customers


def _result(step: str, plan: Plan, customer: Customer, options: Options) -> dict[str, Any]:
    status = services.status_of(customer)
    is_idle = step == "status" or (step == "rollback" and status == "absent")
    if is_idle or (step in {"copy", "open"} and status not in {"absent", "importing"}):
        return {"status": status}
    if step == "rollback":
        return {"done": services.roll_back(plan, customer, options)}
    if step == "verify":
        if found := services.verify(plan, customer, options):
            raise ArchiveError("\n".join(found))
        return {"differences": 0}
    work = services.copy if step == "copy" else services.open_tenant
    report = work(plan, customer, options)
    users = {str(how): count for how, count in report["users"].items() if count}
    return {"rows": report["rows"], "files": report["files"], "users": users}


def _words(report: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)}" for name, value in report.items())


def _word(value: object) -> str:
    if isinstance(value, dict):
        return " + ".join(f"{count} {name}" for name, count in value.items()) or "0"
    return str(value)
