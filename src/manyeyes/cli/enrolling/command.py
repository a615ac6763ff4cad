"""`manyeyes people add FOLDER`: a subfolder for each person."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import typer

from manyeyes.cli.enrolling import report
from manyeyes.cli.enrolling.plan import Plan, read_folder
from manyeyes.cli.enrolling.upload import Outcome, upload
from manyeyes.cli.output import context_of, print_json, print_table, say, tell
from manyeyes.sdk.client import AsyncClient
from manyeyes.sdk.context import Context

EXIT_SOME_FAILED = 3
_EVERY_S = 2.0


def add_folder(ctx: typer.Context, folder: Path, as_json: bool) -> None:
    """Enrol everybody who has a subfolder; photos that are enrolled already are not sent again.

    Raises:
        BadRequest, FileTrouble: the folder cannot be used.
        ManyeyesError: no master, or it refuses; what was enrolled before stays.
        typer.Exit: with status 3, if some photos could not be enrolled, or nobody is.
    """
    plan, outcome = read_folder(folder), Outcome()
    context = context_of(ctx)
    try:
        asyncio.run(_send(context, plan, outcome))
    except BaseException:
        if outcome.total:
            say(f"stopped; the same command goes on from here: {report.summary(plan, outcome)}")
        raise
    outcome.refused.update(plan.kept_out)
    if as_json:
        print_json(report.as_json(plan, outcome))
    else:
        print_table(report.PEOPLE, report.people_rows(plan, outcome), "")
        if rows := report.noticed_rows(plan, outcome):
            tell("")
            print_table(report.NOTICED, rows, "", text=("noticed",), below="noticed")
        tell("", report.summary(plan, outcome))
    if outcome.refused or not (outcome.enrolled or outcome.known):
        raise typer.Exit(EXIT_SOME_FAILED)


async def _send(context: Context, plan: Plan, outcome: Outcome) -> None:
    said_at = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal said_at
        if sys.stderr.isatty() and time.monotonic() - said_at >= _EVERY_S:
            said_at = time.monotonic()
            say(f"{done} of {total} photos")

    async with AsyncClient(context, waiting=say) as client:
        await upload(client, plan, outcome, told)
