"""The options that several of `up`, `master`, `node`, `down` and their relatives take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manyeyes.config import default_data_folder
from manyeyes.lan.advertised import advertised

DataOption = Annotated[
    Path | None, typer.Option(help="Data folder of manyeyes on this machine.", show_default=False)
]


def folder_of(data: Path | None) -> Path:
    """The data folder that was asked for, or the default one; absolute."""
    return (data or default_data_folder()).absolute()


WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Number of worker processes; one for each core by default.")
]
HttpsOption = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Port for users (HTTPS); 8443 by default.")
]
NatsOption = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Port for nodes (TLS); 4222 by default.")
]
ListenOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen on. By default 'up' takes 127.0.0.1, this machine only, and 'master' 0.0.0.0, all "
        "networks.",
    ),
]


def _addresses(given: list[str] | None) -> list[str] | None:
    """Checked where the option is read, so that `service install` refuses what no master would take."""
    return [advertised(one) for one in given] if given else given


AdvertiseOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS",
        callback=_addresses,
        help="IP address or host name, without a port, at which other machines reach this one; repeatable.",
    ),
]
AnnounceOption = Annotated[
    bool | None,
    typer.Option(
        "--announce/--no-announce",
        help="Announce this master on the local networks, by mDNS; on by default if it listens on them.",
        show_default=False,
    ),
]
ExecOption = Annotated[
    bool | None,
    typer.Option("--allow-exec", help="Let admins run commands here, as the user that runs this."),
]
PackOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[@VERSION]|FOLDER",
        help="The pack to serve: one of 'manyeyes packs list', or a pack's folder; by default the one in use.",
    ),
]


TlsCertOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Own certificate for users, with its chain, PEM; read again when it changes. Needs --tls-key.",
        show_default=False,
    ),
]
TlsKeyOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The key of --tls-cert, PEM, without a password.", show_default=False),
]
PlainHttpOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS:PORT",
        help="Serve the API there without TLS too, for programs that cannot do otherwise: keys and pictures can be "
        "read on their way.",
        show_default=False,
    ),
]
RootPathOption = Annotated[
    str | None,
    typer.Option(
        metavar="/PATH",
        help="The path below which a proxy serves this master; by default at the root of its host.",
        show_default=False,
    ),
]
TrustedProxyOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS[/NET]",
        help="A proxy that is believed who sent a request (X-Forwarded-For, -Host, -Proto, -Prefix); repeatable.",
        show_default=False,
    ),
]
