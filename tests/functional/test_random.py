"""The generator's published answers, and what a field of it must look like."""

import numpy as np
import pytest
import torch
from scipy import stats

from superres.functional.random import bits, new_seed, normal, philox, poisson, uniform
from superres.types import BadRequest

# Random123's known answers for philox4x32-10: counter, key, result
ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), ANSWERS)
def test_published_answers(counter: tuple[int, ...], key: tuple[int, int], answer: tuple[int, ...]) -> None:
    words = philox(tuple(torch.tensor([word]) for word in counter), key)  # type: ignore[arg-type]
    assert tuple(int(word) for word in words) == answer


def test_numpys_own_philox_is_another_one_but_ours_counts_as_documented() -> None:
    """The words of a field are those of counters 0, 1, 2, ... with the stream in the third word."""
    seed, stream = 0x1234567_89ABCDEF, 5
    index = torch.tensor([0, 1])
    words = philox(
        (index, torch.zeros(2).long(), torch.full((2,), stream), torch.zeros(2).long()), (0x89ABCDEF, 0x1234567)
    )
    assert torch.equal(bits(seed, 8, stream=stream), torch.stack(words, 1).flatten())


@pytest.mark.parametrize("field", [uniform, normal])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_beginning_does_not_depend_on_the_length(field: object, dtype: torch.dtype) -> None:
    whole = field(9, (300_001,), dtype=dtype)  # type: ignore[operator]
    for length in (1, 7, 255, 131_073):
        assert torch.equal(field(9, (length,), dtype=dtype), whole[:length])  # type: ignore[operator]


def test_threads_change_nothing() -> None:
    before = torch.get_num_threads()
    try:
        fields = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            fields.append((normal(3, (3, 200, 211)), poisson(3, torch.full((3, 100, 101), 30.0))))
    finally:
        torch.set_num_threads(before)
    for one, counts in fields[1:]:
        assert torch.equal(one, fields[0][0])
        assert torch.equal(counts, fields[0][1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distributions(dtype: torch.dtype) -> None:
    """Kolmogorov and Smirnov's distance of 100 000 samples; the seed is fixed, so the outcome is."""
    u, n = uniform(1, (100_000,), dtype=dtype).double().numpy(), normal(1, (100_000,), dtype=dtype).double().numpy()
    assert 0 <= u.min() < u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 0.01
    assert stats.kstest(n, "norm").pvalue > 0.01
    assert abs(n.mean()) < 3 / 100_000**0.5
    assert abs(n.var() - 1) < 3 * (2 / 100_000) ** 0.5
    assert abs(stats.kurtosis(n)) < 3 * (24 / 100_000) ** 0.5


def test_seeds_streams_and_neighbours_know_nothing_of_each_other() -> None:
    count = 100_000
    fields = [normal(1, (count,)), normal(2, (count,)), normal(1, (count,), stream=1), normal(1 << 40, (count,))]
    table = np.corrcoef(np.stack([field.double().numpy() for field in fields]))
    assert np.abs(table - np.eye(4)).max() < 4 / count**0.5
    one = fields[0].double().numpy()
    for lag in (1, 2, 3, 4, 64, 256):
        assert abs(np.corrcoef(one[lag:], one[:-lag])[0, 1]) < 4 / count**0.5


def test_float32_and_float64_are_one_field() -> None:
    torch.testing.assert_close(normal(4, (5000,)).double(), normal(4, (5000,), dtype=torch.float64), atol=1e-4, rtol=0)


@pytest.mark.parametrize("rate", [0.0, 0.2, 3.0, 9.99, 10.0, 12.5, 60.0, 255.0, 3000.0, 1e5])
def test_counts_are_the_exact_quantiles(rate: float) -> None:
    counts = poisson(11, torch.full((20_000,), rate, dtype=torch.float64)).numpy()
    u = uniform(11, (20_000,), dtype=torch.float64).numpy()
    expected = stats.poisson.ppf(u, rate) if rate else np.zeros(20_000)
    assert np.count_nonzero(counts != expected) == 0


def test_counts_of_a_picture_have_its_means_and_variances() -> None:
    rate = torch.tensor([0.5, 8.0, 11.0, 400.0])[:, None].expand(4, 50_000).contiguous()
    counts = poisson(2, rate).double()
    means = rate[:, 0].double()
    assert counts.shape == rate.shape
    torch.testing.assert_close(counts.mean(1), means, rtol=0.02, atol=0)
    torch.testing.assert_close(counts.var(1), means, rtol=0.03, atol=0)


def test_a_negative_rate_has_no_photons() -> None:
    assert poisson(1, torch.tensor([-3.0, -0.0])).tolist() == [0, 0]


def test_new_seeds_are_safe_for_json_readers() -> None:
    rng = np.random.default_rng(0)
    seeds = {new_seed(rng) for _ in range(1000)}
    assert len(seeds) == 1000
    assert max(seeds) < 2**53


@pytest.mark.parametrize(
    "call", [lambda: bits(-1, 3), lambda: bits(1 << 64, 3), lambda: normal(1, (2,), dtype=torch.float16)]
)
def test_impossible_requests_are_refused(call: object) -> None:
    with pytest.raises(BadRequest):
        call()  # type: ignore[operator]
