import pytest

from likewise.storing import Shortlist, StoreSettings

KINDS = {
    "exact": StoreSettings(),
    "shard": StoreSettings(engine_threshold=40),
    "signs": StoreSettings(engine_threshold=40, shortlist=Shortlist(precision="binary")),
}


@pytest.fixture(scope="module", params=KINDS)
def settings(request) -> StoreSettings:
    """Each way in which the embedded store can be set up to search."""
    return KINDS[request.param]
