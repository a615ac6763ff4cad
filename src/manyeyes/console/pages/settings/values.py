"""The value of a setting as one reads it: pure. The unit is in the setting's name."""

from __future__ import annotations

_BYTES = (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024), ("bytes", 1))
_SECONDS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
Units = tuple[tuple[str, int], ...]


def shown(name: str, value: object) -> str:
    """`64 MiB` of a setting that ends in `_BYTES`, `12 h` of one in `_S`, `8443` of a port.

    Args:
        name: of the environment variable.
    """
    match value:
        case list():
            return ", ".join(map(str, value)) or "–"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _number(name, value)
    return "–" if value in (None, "") else str(value)


def _number(name: str, value: float) -> str:
    if name.endswith("_PORT"):
        return str(value)
    if name.endswith("_BYTES_PER_S"):
        return f"{_in_largest(value, _BYTES)}/s"
    if name.endswith("_PER_S"):
        return f"{_plain(value)}/s"
    if name.endswith("_BYTES"):
        return _in_largest(value, _BYTES)
    if name.endswith("_S"):
        return _in_largest(value, _SECONDS)
    if name.endswith("_SHARE"):
        return f"{100 * value:g} %"
    return _plain(value)


def _in_largest(value: float, units: Units) -> str:
    """In the largest unit of which it is a whole number, so that nothing is rounded."""
    for unit, size in units:
        if value >= size and value % size == 0:
            return f"{_plain(value / size)} {unit}"
    return f"{_plain(value)} {units[-1][0]}"


def _plain(value: float) -> str:
    return f"{value:,.15g}"
