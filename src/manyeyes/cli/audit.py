"""`manyeyes audit`: who did what on which node, and whether the log was altered."""

from __future__ import annotations

from typing import Annotated

import typer

from manyeyes.api.audit import AuditEntry
from manyeyes.cli.output import JsonOption, client_of, print_json, print_table
from manyeyes.errors import AuditBroken


def audit(
    ctx: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no entry was changed, removed or added.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List who did what, on which node, with what outcome; or verify the log.

    Example: manyeyes audit --verify
    """
    with client_of(ctx) as client:
        if verify:
            verdict = client.verify_audit()
        else:
            entries: list[AuditEntry] = []
            while page := client.audit(entries[-1].number if entries else 0):
                entries += page
    if not verify:
        if as_json:
            print_json(entries)
            return
        rows = [
            (e.number, f"{e.at:%Y-%m-%d %H:%M:%S}", e.who, e.what, e.node, e.outcome, e.detail)
            for e in entries
        ]
        columns = ("entry", "when (UTC)", "who", "what", "node", "outcome", "detail")
        print_table(
            columns,
            rows,
            "nothing is recorded yet",
            text=("detail",),
            drop=("detail", "entry"),
            below="detail",
        )
        return
    if as_json:
        print_json(verdict)
    elif verdict.broken is None:
        print(f"{verdict.entries} entries, all as they were written; the last has SHA-256 {verdict.head}")
    if verdict.broken is not None:
        raise AuditBroken(
            f"entry {verdict.broken} of the audit log is not as it was written: {verdict.reason}; "
            f"the {verdict.entries} before it are"
        )
