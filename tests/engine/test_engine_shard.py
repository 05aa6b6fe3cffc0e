from __future__ import annotations

import pytest

from hubkit.engine.shard import Shard
from hubkit.errors import UsageError


@pytest.mark.parametrize("count", [1, 2, 3, 7, 30])
def test_the_shares_are_disjoint_and_together_everything(count: int) -> None:
    items = list(range(23))
    shares = [Shard(index, count).of(items) for index in range(1, count + 1)]
    assert sorted(item for share in shares for item in share) == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_share_is_written_as_i_of_n() -> None:
    assert Shard.parse("2/5") == Shard(2, 5)
    assert str(Shard(2, 5)) == "2/5"


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/3", "1/2/3", ""])
def test_a_share_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected i/N"):
        Shard.parse(text)
