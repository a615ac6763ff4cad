"""`manyeyes service`: install, show and remove a systemd service that runs up, master or node."""

from __future__ import annotations

import os
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from manyeyes.cli.adding.remote_installer import linger
from manyeyes.cli.output import JsonOption, print_json, say, tell
from manyeyes.cli.service import plan
from manyeyes.cli.service.account import Account, account_for_system, this_account
from manyeyes.cli.service.installed import find_installed, the_installed
from manyeyes.cli.service.passed_options import PassedOptions, read_options
from manyeyes.cli.service.removing import remove_service
from manyeyes.cli.service.systemd import Systemd, absent, chosen
from manyeyes.cli.service.unit import START_S, STOP_S, Service, differences, render
from manyeyes.datafolder import down_command, holder
from manyeyes.errors import BadRequest, FileTrouble, StartError, TokenRefused, Unavailable
from manyeyes.node.availability.decision import parse_bytes

app = typer.Typer(help="Run manyeyes as a service of systemd.", no_args_is_help=True)

SystemOption = Annotated[
    bool | None,
    typer.Option(
        "--system/--user",
        help="A service of the machine, or of your own; by default of the machine if root runs this.",
        show_default=False,
    ),
]


class Role(StrEnum):
    """What a service can run."""

    UP = "up"
    MASTER = "master"
    NODE = "node"


@app.callback()
def service() -> None:
    """Run manyeyes as a service of systemd: it starts with the machine, and again after a failure."""


@app.command()
def install(
    role: Annotated[Role, typer.Argument(metavar="up|master|node", show_default=False)],
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- OPTIONS...", help="Options of that command, after '--'.", show_default=False
        ),
    ] = None,
    system: SystemOption = None,
    run_as: Annotated[
        str | None,
        typer.Option(
            metavar="USER",
            help="Account of a system service; who called sudo by default.",
            show_default=False,
        ),
    ] = None,
    memory_max: Annotated[
        str,
        typer.Option(metavar="SIZE", help="Most memory of all its processes: 800M, 4G.", show_default=False),
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an installed service with other options.")
    ] = False,
) -> None:
    """Write, enable and start a systemd service that runs 'manyeyes up', 'master' or 'node'.

    A node joins now, with the token of '--join': no token is stored.

    Example: manyeyes service install up -- --listen 0.0.0.0
    """
    systemd = chosen(system)
    wanted = read_options(role, options or [])
    memory_bytes = parse_bytes(memory_max) if memory_max else None
    if run_as and not systemd.system:
        raise BadRequest("a service of your own runs as you; leave out --run-as, or give --system")
    account = account_for_system(run_as, os.environ) if systemd.system else this_account()
    data = plan.data_folder(role, wanted, account, system=systemd.system)
    version = systemd.check()
    made = plan.planned(
        role,
        data,
        wanted,
        account,
        system=systemd.system,
        memory_bytes=memory_bytes,
        engine=None if role is Role.NODE else _engine(),
        environ=os.environ,
    )
    text = render(made, version)
    _check_installed(systemd, made, text, replace=replace)
    _prepare(made, account, wanted)
    _put(systemd, made, text)
    _report(systemd, made)


def _engine() -> Path | None:
    from manyeyes.cli.engine import engine_at_hand

    engine_at_hand()
    return plan.engine_to_name()


def _check_installed(systemd: Systemd, made: Service, text: str, *, replace: bool) -> None:
    """Nothing else may be installed under this name, and nobody else may run from the data folder."""
    file = systemd.unit_file(made.unit)
    other = Systemd(not systemd.system)
    if _text_of(other.unit_file(made.unit)) is not None:
        raise BadRequest(
            f"{made.unit} is installed already as a {other.label} service, and both would take the same ports; "
            f"remove that one first: 'manyeyes service remove --{other.label}'"
        )
    before = _text_of(file)
    if before is not None and before != text and not replace:
        for line in differences(before, text):
            say(line)
        raise BadRequest(
            f"{made.unit} is installed already, and differs in the lines above; --replace replaces it"
        )
    process = holder(made.data) or (holder(made.data / "node") if made.role == "up" else None)
    if process and not systemd.is_active(made.unit):
        raise BadRequest(
            f"process {process} runs from {made.data}, and not as this service; "
            f"stop it first with '{down_command(made.data)}'"
        )


def _prepare(made: Service, account: Account, wanted: PassedOptions) -> None:
    """Make sure that the account can run manyeyes and write where it must; have a node join."""
    program = account.run([*made.command[:2], "manyeyes.cli.app", "--version"])
    if program.returncode:
        why = (program.stderr.strip().splitlines() or [f"status {program.returncode}"])[-1]
        raise StartError(
            f"the account {account.name} cannot run {made.command[0]}: {why}; "
            "install manyeyes where it may read, as in /opt/manyeyes, or name another account with --run-as"
        )
    for folder in (made.data, *made.writable):
        account.make_folder(folder)
    if made.role == Role.NODE:
        _join(made, account, wanted)
    try:
        settings = made.settings_file.read_text()
    except OSError:
        settings = ""
    if names := plan.left_out(os.environ, settings):
        say(
            f"the service does not get {', '.join(names)} from this shell; write lines NAME=VALUE to {made.settings_file}"
        )


def _join(made: Service, account: Account, wanted: PassedOptions) -> None:
    token = plan.token_of(wanted, os.environ)
    if not token:
        if not (made.data / "membership.json").exists():
            raise TokenRefused(
                f"this machine has joined no master yet (nothing in {made.data}); give a token, as 'manyeyes token' on "
                "the master prints it: 'manyeyes service install node -- --join -' reads it from standard input"
            )
        return
    name = wanted.values.get("name")
    command = [*made.command[:6], "--join", "-", "--join-only", *(["--name", name] if name else [])]
    try:
        told = account.run(command, given=f"{token}\n")
    except subprocess.TimeoutExpired as error:
        raise Unavailable(
            f"the master did not let this machine join in {error.timeout:.0f} s; nothing was installed"
        ) from error
    if told.returncode:
        why = (told.stderr.strip().splitlines() or [f"status {told.returncode}"])[-1].removeprefix("error: ")
        kind = TokenRefused if told.returncode == TokenRefused.exit_code else StartError
        raise kind(f"{why}; nothing was installed")
    say(f"joined as node {told.stdout.split()[-1]}")


def _put(systemd: Systemd, made: Service, text: str) -> None:
    """Write the unit, enable and start it; each step can be repeated."""
    file = systemd.unit_file(made.unit)
    if changed := _text_of(file) != text:
        staged = file.with_name(f".{file.name}.new")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            staged.write_text(text)
            staged.chmod(0o644)
            staged.replace(file)
        except OSError as error:
            raise FileTrouble(f"{file} cannot be written: {error.strerror}") from error
    say(f"{'wrote' if changed else 'there already:'} {file}")
    systemd.do("daemon-reload")
    systemd.do("enable", "--quiet", made.unit)
    if made.role != Role.NODE and not (made.data / "master.db").exists():
        say("starting; the first start downloads about 100 MB and builds the pack")
    verb = "restart" if changed else "start"
    log = f"journalctl {systemd.flags}-u {made.unit}"
    try:
        systemd.do(verb, made.unit, timeout_s=START_S + STOP_S)
    except StartError as error:
        raise StartError(
            f"{error.detail}; '{log}' shows why, and the service tries again by itself"
        ) from error


def _report(systemd: Systemd, made: Service) -> None:
    stays = systemd.system or linger()
    say(
        f"runs as the {systemd.label} service {made.unit}{', also after a restart of the machine' if stays else ''}; "
        f"data: {made.data}"
    )
    if not stays:
        say(
            "it ends with your last login and starts with the next one; "
            f"'sudo loginctl enable-linger {this_account().name}' has it run always"
        )
    if made.role != Role.NODE and made.user:
        say(
            f"commands of {made.user} find it; for another account copy {made.data / 'context.json'} to it, "
            "and run 'manyeyes contexts add context.json' there"
        )
    say(f"its log: journalctl {systemd.flags}-u {made.unit}")


def _text_of(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileTrouble(f"{file} cannot be read: {error.strerror}") from error


@app.command()
def status(system: SystemOption = None, as_json: JsonOption = False) -> None:
    """Show the installed services and whether they run. Exit status 6: one does not, or none is installed.

    Example: manyeyes service status
    """
    found = find_installed(system)
    if not found and not as_json:
        way = f", and {why_not}" if (why_not := absent()) else "; 'manyeyes service install up' installs one"
        raise Unavailable(f"no service of manyeyes is installed here{way}")
    if as_json:
        print_json({"services": [one.as_plain() for one in found]})
    else:
        for one in found:
            for line in one.lines():
                tell(line)
    if not found or not all(one.runs for one in found):
        raise typer.Exit(Unavailable.exit_code)


@app.command()
def remove(
    role: Annotated[Role | None, typer.Argument(metavar="[up|master|node]", show_default=False)] = None,
    system: SystemOption = None,
) -> None:
    """Stop a service and remove its unit. A node finishes the pictures in hand first; all data stays.

    Example: manyeyes service remove node
    """
    one = the_installed(role, system)
    remove_service(one)
    if one.data:
        say(f"its data stays in {one.data}; 'manyeyes uninstall' removes that too")
