"""Tiles gathered into batches: how many go when, what becomes of failures, and what a plan makes of a card."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from superres.runtime import batches
from superres.runtime.batches import Batches, Card, NoRoom, gathering, wanted
from superres.runtime.tiles import Grid
from superres.types import BadRequest, EngineUnavailable, Upscaler

CARD = Card("torch", "a card", batches=True)


class Doubling:
    """Twice each value, at once; it writes down what it was asked, and has room for ``room`` tiles on their way."""

    scale, halo = 1, 0

    def __init__(self, most: int = 4, room: int = 100) -> None:
        self.fits, self.room, self.said, self.threads = most, room, [], set()
        self.begun = 0

    def check(self, shape):
        if len(shape) != 4:
            raise BadRequest(f"{shape} is wrong")

    def begin(self, tiles):
        self.threads.add(threading.get_ident())
        assert len({tile.shape for tile in tiles}) == 1
        assert all(tile.dtype == np.float32 and tile.flags.c_contiguous for tile in tiles)
        if self.begun + len(tiles) > self.room:
            self.said.append(("no room", len(tiles)))
            raise NoRoom("too many")
        self.said.append(("begin", len(tiles)))
        self.begun += len(tiles)
        return [2 * tile for tile in tiles]

    def end(self, begun):
        self.said.append(("end", len(begun)))
        self.begun -= len(begun)
        return begun

    def most(self, shape):
        assert len(shape) == 3
        return self.fits

    def forget(self):
        assert self.begun == 0
        self.said.append(("forget", 0))


def tiles(count: int, height: int = 5, width: int = 7) -> np.ndarray:
    return np.random.default_rng(count).random((count, 3, height, width), np.float32)


def sizes(device: Doubling, word: str = "begin") -> list[int]:
    return [count for said, count in device.said if said == word]


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [
        (1, 4, [1]),
        (2, 4, [1, 1]),
        (5, 4, [1, 4]),
        (12, 4, [1, 4, 4, 2, 1]),
        (12, 5, [1, 4, 4, 2, 1]),
        (4, 1, [1, 1, 1, 1]),
        (8, 100, [1, 4, 2, 1]),
    ],
)
def test_batches_are_powers_of_two_and_lose_nothing(count, most, expected):
    device, x = Doubling(most), tiles(count)
    net = Batches(device, CARD)
    assert isinstance(net, Upscaler)
    assert np.array_equal(net(x), 2 * x)
    assert sizes(device) == expected
    assert len(device.threads) == 1


def test_the_next_batch_is_sent_before_the_last_one_is_waited_for():
    device = Doubling(4)
    Batches(device, CARD)(tiles(17))
    steps = [word for word, _ in device.said[2:]]  # after the first tile, which is measured alone
    assert steps == ["begin", "begin", "end", "begin", "end", "begin", "end", "end"]


def test_never_more_than_two_are_on_their_way():
    device, x = Doubling(1), tiles(40)
    Batches(device, CARD)(x)
    on_the_way, highest = 0, 0
    for word, _ in device.said:
        on_the_way += {"begin": 1, "end": -1}[word]
        highest = max(highest, on_the_way)
    assert highest == 2


def test_many_threads_with_tiles_of_several_shapes():
    device, net = Doubling(4), None
    net = Batches(device, CARD)
    given = [tiles(1 + k % 3, 4 + k % 2, 6) + k for k in range(60)]
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(net, given))
    assert all(np.array_equal(y, 2 * x) for x, y in zip(given, made, strict=True))
    assert sum(sizes(device)) == sum(len(x) for x in given) == sum(sizes(device, "end"))


@pytest.mark.parametrize("room", [1, 2, 3, 5])
def test_too_little_memory_halves_the_batches_and_changes_nothing(room):
    device, x = Doubling(8, room), tiles(21)
    net = Batches(device, CARD)
    assert np.array_equal(net(x), 2 * x)
    assert sizes(device, "no room")
    refused = len(sizes(device, "no room"))
    assert np.array_equal(net(x), 2 * x)
    more = len(sizes(device, "no room")) - refused
    assert more < refused or room == 1  # it has learnt; a single tile is tried beside another, and then alone


def test_no_room_for_one_tile_is_said_and_the_next_picture_is_tried():
    device = Doubling(8, room=0)
    net = Batches(device, CARD)
    with pytest.raises(EngineUnavailable, match=r"memory of a card.*tile of 7x5 pixels.*--tile.*--device cpu"):
        net(tiles(3))
    assert sizes(device, "no room") == [1, 1, 1]
    device.room = 8
    assert np.array_equal(net(tiles(3)), 2 * tiles(3))


@pytest.mark.parametrize("where", ["begin", "end"])
@pytest.mark.parametrize("error", [EngineUnavailable("lost"), ZeroDivisionError("odd")])
def test_a_failure_reaches_who_asked_and_nobody_else(monkeypatch, where, error):
    device = Doubling(1)
    net, fine = Batches(device, CARD), tiles(1)
    working = getattr(device, where)

    def fails(given):
        if given[0].shape[1] == 9:
            raise error
        return working(given)

    monkeypatch.setattr(device, where, fails)
    with ThreadPoolExecutor(4) as pool:
        bad = [pool.submit(net, tiles(1, 9)) for _ in range(3)]
        good = [pool.submit(net, fine) for _ in range(6)]
        assert all(np.array_equal(one.result(), 2 * fine) for one in good)
        for one in bad:
            with pytest.raises(type(error), match=str(error)):
                one.result()


@pytest.mark.parametrize("where", ["most", "forget"])
def test_nobody_waits_for_ever_when_something_else_fails(monkeypatch, where):
    device = Doubling(4, room=2)
    net = Batches(device, CARD)

    def fails(*_):
        raise EngineUnavailable("the driver is gone")

    with monkeypatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setattr(device, where, fails)
        asked = [pool.submit(net, tiles(5)) for _ in range(4)]
        errors = [one.exception(timeout=20) for one in asked]
    assert "the driver is gone" in {str(error) for error in errors}
    assert np.array_equal(net(tiles(5)), 2 * tiles(5))


def test_what_does_not_fit_is_refused_before_it_waits():
    device = Doubling()
    with pytest.raises(BadRequest, match="wrong"):
        Batches(device, CARD)(np.zeros((3, 4, 4), np.float32))
    assert device.said == []


def test_other_layouts_and_types_are_taken():
    x = np.asfortranarray(tiles(3).astype(np.float64))
    assert np.array_equal(Batches(Doubling(), CARD)(x), 2 * x.astype(np.float32))


def test_sizes_that_are_wanted():
    assert wanted(8, 8) == batches.MOST
    assert wanted(256, 256) == 2
    assert wanted(4000, 4000) == 1


class TestGathering:
    grid = Grid(1000, 900, (100, 100), 10)

    def test_no_card_and_one_that_takes_single_tiles(self):
        assert gathering(None, self.grid) == batches.NOT_GATHERED
        alone = gathering(Card("ncnn", "a card"), self.grid)
        assert (alone.batch, alone.workers, alone.ahead) == (1, 1, None)

    def test_there_are_tiles_for_two_batches_and_as_many_at_hand(self):
        found = gathering(CARD, self.grid)
        assert found.batch == 8  # 16 would be more than the pixels of a batch
        assert found.workers == 3 * found.batch
        assert (found.ahead + 1) * len(self.grid.columns) >= found.workers

    def test_no_more_than_there_are(self):
        few = gathering(CARD, Grid(100, 330, (100, 100), 10))
        assert few.batch <= few.workers <= 4
        one = gathering(CARD, Grid(50, 50, (100, 100), 10))
        assert (one.batch, one.workers) == (1, 1)

    def test_narrow_pictures_hold_few_bands(self):
        assert gathering(CARD, Grid(9000, 64, (64, 64), 2)).ahead == 3

    def test_a_tile_is_tried_where_two_fit_or_where_it_is_small(self):
        card = Card("torch", "a card", free=1000, batches=True)
        assert card.holds(self.grid, 500)
        assert not card.holds(self.grid, 501)
        assert card.holds(Grid(1000, 900, (64, 64), 10), 10**9)
        assert Card("torch", "a card").holds(self.grid, 10**12)

    def test_it_is_told(self):
        assert gathering(CARD, self.grid).explain() == " (a card), float32, up to 8 tiles at once"
        assert gathering(Card("ncnn", "a card"), self.grid).explain() == " (a card), float32, one tile at a time"
        assert gathering(None, self.grid).explain() == ""
