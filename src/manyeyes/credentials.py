"""How credentials look from outside: what each begins with, and the cookie in which a browser keeps one."""

from __future__ import annotations

API_KEY = "mek_"
SESSION = "mes_"
LINK = "mel_"
"""Of a link that signs in once."""
COOKIE = "__Host-manyeyes"
"""Holds a session. The prefix has browsers demand `Secure` and no `Domain`: no other host can set it."""
MASTER_CA = "manyeyes CA "
"""With what the name of every CA begins that a master makes for itself."""
