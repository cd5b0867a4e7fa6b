import pytest

from likewise.storing import StoreSettings

KINDS = {
    "exact": StoreSettings(),
    "shard": StoreSettings(engine_threshold=40),
    "graph": StoreSettings(engine_threshold=40, graph_threshold=40),
}


@pytest.fixture(scope="module", params=KINDS)
def settings(request) -> StoreSettings:
    """Each way in which the embedded store can be set up to search."""
    return KINDS[request.param]
