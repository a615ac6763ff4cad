"""The engine's configuration: two accounts, what crosses between them, exact permissions per key.

Masters (account M) own JetStream and may ask the engine who is connected (account S). Nodes (account N) reach exactly
the exported services, no stream among them: a node cannot read another's inbox or dispatches, nor speak in its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from manyeyes import contract
from manyeyes.broker.engine_syntax import written
from manyeyes.identity import Certificates


@dataclass(frozen=True)
class NodeUser:
    """A registered node's key."""

    public_nkey: str
    name: str
    approved: bool = True


@dataclass(frozen=True)
class JoinUser:
    """A join token's key while the token is valid."""

    public_nkey: str
    token_id: str


@dataclass(frozen=True)
class EngineSettings:
    """The settings of the configuration file beside the users."""

    listen: str
    port: int
    store: Path
    certificates: Certificates
    max_store_bytes: int = 4 * 1024**3


CONNECTIONS_SUBJECT = "$SYS.REQ.SERVER.PING.CONNZ"
MAX_PAYLOAD_BYTES = 1024 * 1024
"""Four chunks: what travels is a chunk of `CHUNK_BYTES`, with its head, or an order."""
MAX_PENDING_BYTES = 128 * 1024 * 1024
"""Pending bytes of one connection before nats-server closes it: as much as a flood brings until it is noticed."""
MAX_SUBSCRIPTIONS = 4096
"""Of one connection: a node has one for each worker, and a few."""
SERVICES = (contract.GATEWAYS_SUBJECT, contract.OLD_HELLO_SUBJECT, contract.JOINS_SUBJECT)
STREAMS = (
    contract.STATE_SUBJECT,
    contract.DISPATCHES_SUBJECT,
    contract.COMMANDS_SUBJECT,
    contract.DIRECTIVES_SUBJECT,
)


def node_permissions(name: str) -> dict[str, dict[str, list[str]]]:
    """The permissions of a node."""
    return {
        "publish": {"allow": [contract.node_subjects(name), contract.old_hello_subject(name)]},
        "subscribe": {
            "allow": [
                f"{contract.inbox_prefix(name)}.>",
                contract.STATE_SUBJECT,
                contract.dispatch_subject(name),
                contract.command_subject(name),
                contract.directive_subject(name),
            ]
        },
    }


def waiting_permissions(name: str) -> dict[str, dict[str, list[str]]]:
    """The permissions of a node before a person approved it: hello, heartbeats, leave."""
    said: tuple[contract.Verb, ...] = ("hello", "heartbeat", "leave")
    return {
        "publish": {
            "allow": [
                *(contract.node_subject(name, verb, "*") for verb in said),
                contract.old_hello_subject(name),
            ]
        },
        "subscribe": {"allow": [f"{contract.inbox_prefix(name)}.>", contract.directive_subject(name)]},
    }


def join_permissions(token_id: str) -> dict[str, dict[str, list[str]]]:
    """The permissions of the holder of a join token."""
    return {
        "publish": {"allow": [contract.join_subject(token_id)]},
        "subscribe": {"allow": [f"{contract.inbox_prefix(contract.join_name(token_id))}.>"]},
    }


def _usage_permissions() -> dict[str, dict[str, list[str]]]:
    return {
        "publish": {"allow": [CONNECTIONS_SUBJECT]},
        "subscribe": {"allow": [f"{contract.inbox_prefix('usage')}.>"]},
    }


def render_config(
    settings: EngineSettings, master_nkey: str, usage_nkey: str, nodes: list[NodeUser], joins: list[JoinUser]
) -> str:
    """The configuration file's text."""
    files = settings.certificates
    users = [
        {
            "nkey": node.public_nkey,
            "permissions": node_permissions(node.name) if node.approved else waiting_permissions(node.name),
        }
        for node in nodes
    ]
    users += [{"nkey": join.public_nkey, "permissions": join_permissions(join.token_id)} for join in joins]
    document = {
        "server_name": "manyeyes",
        "host": settings.listen,
        "port": settings.port,
        "max_payload": MAX_PAYLOAD_BYTES,
        "max_control_line": 4096,
        "max_subscriptions": MAX_SUBSCRIPTIONS,
        "max_pending": MAX_PENDING_BYTES,
        "ping_interval": "2s",
        "ping_max": 2,
        "write_deadline": "2s",
        "jetstream": {
            "store_dir": str(settings.store),
            "max_memory_store": 64 * 1024**2,
            "max_file_store": settings.max_store_bytes,
        },
        "tls": {"cert_file": str(files.certificate), "key_file": str(files.key), "timeout": 5},
        "authorization": {"timeout": 5},
        "system_account": "S",
        "accounts": {
            "S": {"users": [{"nkey": usage_nkey, "permissions": _usage_permissions()}]},
            "M": {
                "jetstream": "enabled",
                "users": [{"nkey": master_nkey}],
                "exports": [
                    *({"service": s, "response_type": "stream", "accounts": ["N"]} for s in SERVICES),
                    *({"stream": s, "accounts": ["N"]} for s in STREAMS),
                ],
            },
            "N": {
                "users": users,
                "imports": [
                    *({"service": {"account": "M", "subject": s}} for s in SERVICES),
                    *({"stream": {"account": "M", "subject": s}} for s in STREAMS),
                ],
            },
        },
    }
    return written(document)
