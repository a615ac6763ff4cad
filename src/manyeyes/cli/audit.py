"""`manyeyes audit`: who did what, and whether the log was altered."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from manyeyes.api.audit import AuditEntry
from manyeyes.cli.output import JsonOption, client_of, print_json, print_table, tell
from manyeyes.errors import AuditBroken
from manyeyes.wording import several

_PERSON = re.compile(r"person (\d+)")
_ABOUT_PEOPLE = ("people", "photo", "feedback", "faces")


def audit(
    ctx: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no entry was changed, removed or added.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List who did what, with what outcome; or verify the log.

    Entries name people by id; the name that a person has now follows in
    brackets.

    Example: manyeyes audit --verify
    """
    with client_of(ctx) as client:
        if verify:
            verdict = client.verify_audit()
        else:
            entries: list[AuditEntry] = []
            while page := client.audit(entries[-1].number if entries else 0):
                entries += page
            asks = not as_json and any(_is_about_people(entry) for entry in entries)
            names = {person.id: person.name for person in client.people()} if asks else {}
    if not verify:
        if as_json:
            print_json(entries)
            return
        rows = [
            (
                e.number,
                f"{e.at:%Y-%m-%d %H:%M:%S}",
                e.who or "(no valid key)",
                e.what,
                e.node,
                e.outcome,
                _with_names(e, names),
            )
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
        tell(
            f"{several(verdict.entries, 'entry', 'entries')}, all as they were written; the last has SHA-256 {verdict.head}"
        )
    if verdict.broken is not None:
        raise AuditBroken(
            f"entry {verdict.broken} of the audit log is not as it was written: {verdict.reason}; "
            f"the {verdict.entries} before it are"
        )


def _is_about_people(entry: AuditEntry) -> bool:
    return entry.what.partition(" ")[0] in _ABOUT_PEOPLE


def _with_names(entry: AuditEntry, names: dict[int, str]) -> str:
    """The detail; behind the id of each person who is still enrolled their name."""
    if not _is_about_people(entry):
        return entry.detail
    return _PERSON.sub(
        lambda found: f"{found[0]} ({names[number]})" if (number := int(found[1])) in names else found[0],
        entry.detail,
    )
