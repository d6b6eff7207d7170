"""Move a tenant to another installation."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.moves import services
from apps.moves.peer import Peer
from apps.moves.services import Options
from apps.portability.management.base import in_sentences, print_report
from apps.tenants.models import Tenant

ACTIONS: Mapping[str, Callable[[Tenant, Peer, Options], dict[str, Any]]] = {
    "start": services.start,
    "switch": services.switch,
    "back": services.back,
    "cancel": services.cancel,
}

SECONDS = {
    "--drain-seconds": "time for writes and tasks that have begun to end",
    "--max-pause": "seconds without writes that may be expected, at most",
    "--fence-seconds": "time for which late writes are refused here after the move",
}

FLAGS = {
    "--trust-addresses": "make members active there whom only their verified address identifies",
    "--with-audit": "move the audit log too (switch)",
    "--discard-changes": "move back although the tenant was changed there (back)",
    "--now": "purge before the time of grace is over (complete)",
    "--json": "print a JSON object",
}


class Command(BaseCommand):
    """``move_tenant SLUG ACTION --to COMMAND …``."""

    help = "Move a tenant to another installation: start, switch, complete; status, back, cancel."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="name in the tenant's host name")
        parser.add_argument("action", choices=[*ACTIONS, "status", "complete"])
        parser.add_argument(
            "--to", default="", help='command of the other installation: "ssh host …/manage.py"'
        )
        parser.add_argument("--slug-there", default="", help="another slug there")
        parser.add_argument("--users", default="", help="file there, as for import_tenant")
        parser.add_argument("--reason", default="", help="for the audit log (complete)")
        for flag, text in SECONDS.items():
            parser.add_argument(flag, type=float, default=None, help=text)
        for flag, text in FLAGS.items():
            parser.add_argument(flag, action="store_true", help=text)

    def handle(self, *args: object, slug: str, action: str, **options: Any) -> None:
        """Do one action, or fail with one sentence."""
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {slug!r}.")
        with in_sentences(f"move {slug!r} ({action})"):
            if action == "complete":
                reason, at_once = options["reason"], options["now"]
                report = services.complete(tenant, reason, at_once=at_once)
            else:
                report = self._with_peer(tenant, action, options)
        print_report(report, self.stdout, as_json=options["json"])

    def _with_peer(self, tenant: Tenant, action: str, options: dict[str, Any]) -> dict[str, Any]:
        if not options["to"].strip():
            raise CommandError("--to is missing: the command of the other installation.")
        flags = ["--trust-addresses"] if options["trust_addresses"] else []
        for flag, name in (("--slug", "slug_there"), ("--users", "users")):
            flags += [flag, options[name]] if options[name] else []
        peer = Peer(options["to"], tenant.pk, tuple(flags))
        if action == "status":
            return services.status_of(tenant, peer)
        names = ("drain_seconds", "max_pause", "fence_seconds")
        given = {name: options[name] for name in names if options[name] is not None}
        wanted = Options(
            with_audit=options["with_audit"],
            discards=options["discard_changes"],
            note=lambda step: self.stderr.write(f"{tenant.slug}: {step}"),
        )
        return ACTIONS[action](tenant, peer, replace(wanted, **given))
