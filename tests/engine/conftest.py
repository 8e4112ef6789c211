from __future__ import annotations

import pytest
import redis
from hand_time import Hall


@pytest.fixture
def hall(redis_client: redis.Redis, namespace: str) -> Hall:
    """An empty waiting room whose time stands still until it is moved."""
    return Hall(redis_client, namespace)
