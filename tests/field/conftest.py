"""The fixtures that start real masters and nodes are those of `tests/integration`, a master's file that of `tests/unit`."""

from tests.integration.conftest import (  # noqa: F401  pytest finds fixtures by their names here
    faulty_pack,
    master_of_the_file,
    network,
    shared,
)
from tests.unit.conftest import database, path, store  # noqa: F401
