"""Values of settings with their units."""

from __future__ import annotations

import pytest

from manyeyes.console.pages.settings.values import shown


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MANYEYES_MASTER_HTTPS_PORT", 8443, "8443"),
        ("MANYEYES_LIMITS_MAX_PICTURE_BYTES", 50 * 1024**2, "50 MiB"),
        ("MANYEYES_LIMITS_MAX_PICTURE_BYTES", 50_000_000, "50,000,000 bytes"),
        ("MANYEYES_RATE_LIMIT_BYTES_PER_S", 32.0 * 1024**2, "32 MiB/s"),
        ("MANYEYES_RATE_LIMIT_MESSAGES_PER_S", 2000.0, "2,000/s"),
        ("MANYEYES_MASTER_SESSION_S", 43_200.0, "12 h"),
        ("MANYEYES_ALERTS_QUEUE_OLD_S", 90.0, "90 s"),
        ("MANYEYES_MASTER_HEARTBEAT_LOST_S", 0.5, "0.5 s"),
        ("MANYEYES_MASTER_SESSION_S", 0, "0 s"),
        ("MANYEYES_ALERTS_DISK_LOW_SHARE", 0.05, "5 %"),
        ("MANYEYES_LIMITS_MAX_WAITING", 2000, "2,000"),
        ("MANYEYES_MASTER_CONSOLE", False, "no"),
        ("MANYEYES_MASTER_ADVERTISE", ["a", "b"], "a, b"),
        ("MANYEYES_MASTER_ADVERTISE", [], "–"),
        ("MANYEYES_MASTER_PACK", None, "–"),
        ("MANYEYES_MASTER_LISTEN", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_a_value_has_the_unit_of_its_setting(name: str, value: object, said: str) -> None:
    assert shown(name, value) == said
