"""How credentials look from outside: what each begins with, and the cookie in which a browser keeps one."""

from __future__ import annotations

API_KEY = "mek_"
SESSION = "mes_"
LINK = "mel_"
"""Of a link that signs in once."""
COOKIE = "__Host-manyeyes"
"""Holds a session. The prefix has browsers demand `Secure`, no `Domain` and the path `/`: no other host can set it."""
COOKIE_BELOW_A_PATH = "__Secure-manyeyes"
"""Its name where a proxy serves the master below a path of a host: only there browsers send it, not to what else is on that host."""


def cookie_name(root_path: str) -> str:
    """The name of a session's cookie, by the path below which the master is served."""
    return COOKIE_BELOW_A_PATH if root_path else COOKIE


MASTER_CA = "manyeyes CA "
"""With what the name of every CA begins that a master makes for itself."""
MASTER_HOSTNAME = "manyeyes-master"
"""In every certificate of a master's own CA: clients verify this name, whatever address they dial."""
