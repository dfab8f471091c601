"""The examples of the field's guides, through redis-py, with the answers that the guides print."""

import pytest
import redis

import guides


@pytest.mark.usefixtures("redis_style")
@pytest.mark.smoke
@pytest.mark.parametrize("options", [{"protocol": 2}, {}], ids=["resp2", "default"])
def test_the_guides(server, options):
    client = redis.Redis(port=server.port, decode_responses=True, **options)
    steps = list(guides.all_of(client))
    assert [(asked, answer) for asked, answer, _ in steps] == [(asked, expected) for asked, _, expected in steps]
    assert len(steps) > 12
