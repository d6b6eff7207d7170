"""List background tasks, retry dead ones, cancel others."""

import json
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.tasks import queue
from apps.tasks.models import OPEN, State, TaskRun

COLUMNS = {"id": "<36", "state": "<9", "attempts": ">8", "tenant": "<36", "task": "<", "error": "<"}


class Command(BaseCommand):
    """``tasks [--failed] [--retry ID] [--cancel ID] [--json]``."""

    help = "List open or dead tasks; run a dead one again; cancel one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--failed", action="store_true", help="list dead tasks, which have failed for good"
        )
        what.add_argument("--retry", type=UUID, metavar="ID", help="run a dead task again")
        what.add_argument("--cancel", type=UUID, metavar="ID", help="cancel a waiting or dead task")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(
        self,
        *args: object,
        failed: bool,
        retry: UUID | None,
        cancel: UUID | None,
        json: bool,
        **options: object,
    ) -> None:
        """List, retry or cancel tasks."""
        if retry:
            self._change(queue.retry(retry), retry, "dead")
        elif cancel:
            self._change(queue.cancel(cancel), cancel, "waiting or dead")
        else:
            self._list([State.DEAD] if failed else OPEN, as_json=json)

    def _change(self, done: bool, run_id: UUID, state: str) -> None:
        if not done:
            raise CommandError(f"There is no {state} task {run_id}: manage.py tasks lists tasks.")
        self.stdout.write("Done.")

    def _list(self, states: list[State], *, as_json: bool) -> None:
        rows = [_row(run) for run in TaskRun.platform.filter(state__in=states).order_by("pk")]
        if as_json:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        head: dict[str, object] = {name: name for name in COLUMNS}
        for row in [head, *rows]:
            cells = [format(str(row[name]), width) for name, width in COLUMNS.items()]
            self.stdout.write("  ".join(cells).rstrip())


def _row(run: TaskRun) -> dict[str, object]:
    return {
        "id": str(run.pk),
        "state": run.state,
        "attempts": run.attempts,
        "tenant": str(run.tenant_id or ""),
        "task": run.task,
        "error": run.error,
        "enqueued_at": run.enqueued_at.isoformat(),
    }
