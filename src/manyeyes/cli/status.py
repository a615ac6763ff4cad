"""`manyeyes status` and `manyeyes token`: the status of the service, and tokens for other machines."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from manyeyes.cli.output import (
    JsonOption,
    ago,
    client_of,
    need_output,
    print_fields,
    print_json,
    say,
    tell,
    tell_once,
)
from manyeyes.errors import BadRequest
from manyeyes.wording import duration, in_utc, several

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def status(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Show the status of the service, and the alerts.

    Example: manyeyes status
    """
    with client_of(ctx) as client:
        found = client.overview()
        url = client.context.url
    if as_json:
        print_json(found)
        return
    nodes = ", ".join(f"{count} {state}" for state, count in found.nodes.items() if count) or "none"
    tasks = ", ".join(f"{count} {state}" for state, count in found.tasks.items())
    waits = f"; the oldest waits for {duration(found.oldest_waiting_s)}" if found.tasks.get("waiting") else ""
    rate = f"{found.done_per_s + found.failed_per_s:.3g} a second in the last minute"
    waiting = (
        f"; to be embedded again: {several(found.photos_to_embed, 'photo')}" if found.photos_to_embed else ""
    )
    print_fields(
        [
            ("master", f"{url}, version {found.version}, up for {duration(found.uptime_s)}"),
            ("nodes", f"{nodes}; {several(found.workers, 'worker')}"),
            ("tasks", f"{tasks or 'none'}; {rate}{waits}"),
            ("people", f"{found.people}{waiting}"),
            ("pack", found.pack or "none"),
            *(
                (one.severity, f"{one.sentence} (noticed {ago(one.since)}): {one.what_to_do}")
                for one in found.alerts or ()
            ),
        ]
    )


def token(
    ctx: typer.Context,
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="How long machines can join with it, as 90s, 30m, 1h or 2d.")
    ] = "1h",
    approve: Annotated[
        bool, typer.Option("--approve", help="Nodes that join with it wait for 'manyeyes nodes approve'.")
    ] = False,
    ephemeral: Annotated[
        bool,
        typer.Option(
            "--ephemeral",
            help="Nodes that join with it are forgotten when they leave or are lost for an hour, as of 'docker run --rm'.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a token that lets machines join as nodes.

    Example: manyeyes token --expires 1h
    """
    expires_s = parse_duration_s(expires)
    need_output("the token")
    with client_of(ctx) as client:
        made = client.create_token(expires_s, approve=approve, ephemeral=ephemeral)
    until = in_utc(made.expires_at)

    def lost() -> str:
        return f"nobody has seen the token {made.id}, which expires at {until}: make another"

    if as_json:
        tell_once(lambda: print_json(made), lost)
        return
    say(f"token {made.id}; run this on the machine that joins, before {until}:")
    if sys.stdout.isatty():
        tell_once(lambda: tell("", f"manyeyes node --join {made.token}", ""), lost)
    else:
        say("  manyeyes node --join TOKEN")
        tell_once(lambda: tell(made.token), lost)
    if made.warning:
        say(f"warning: {made.warning}")
    if approve:
        say("then approve it: manyeyes nodes approve NAME ('manyeyes nodes list' shows who waits)")


def parse_duration_s(text: str) -> int:
    """Seconds of `90s`, `30m`, `1h` or `2d`.

    Raises:
        BadRequest: another form, or zero.
    """
    found = re.fullmatch(r"([0-9]{1,9})\s*([smhd])", text.strip().lower())
    if found is None:
        raise BadRequest(f"duration {text!r} is not of the form 90s, 30m, 1h or 2d")
    if int(found[1]) == 0:
        raise BadRequest(f"duration {text!r} is no time at all; the least is 1s")
    return int(found[1]) * _UNITS_S[found[2]]
