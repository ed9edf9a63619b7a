"""Two servers that the tests of this package share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.igsite.serving import Serving


@pytest.fixture(scope="session")
def hasty() -> Iterator[Serving]:
    """A server that cuts stalled clients off after a second."""
    with Serving(stall_seconds=1) as serving:
        yield serving


@pytest.fixture(scope="session")
def patient() -> Iterator[Serving]:
    """A server that leaves stalled clients alone for as long as a test lasts."""
    with Serving(stall_seconds=600) as serving:
        yield serving
