"""The contract itself: it accepts what is right and names what is wrong."""

from dataclasses import replace

import pytest
import torch

from superres.metrics.psnr import PSNR
from superres.testing.metrics import check_metric, check_on_device
from superres.types import BadRequest

INF = float("inf")


class Wrong(PSNR):
    """PSNR with one fault."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.calls = 0
        changes = {"range": {"range": (0.0, 1.0)}, "facts": {"source": " "}, "smallest": {"smallest": 20}}
        self.facts = replace(PSNR.facts, **changes.get(fault, {}))

    def __call__(self, test, reference=None):
        self.calls += 1
        if self.fault == "nan" and test.is_floating_point() and test.isnan().any():
            return torch.zeros(len(test), dtype=test.dtype)
        if self.fault == "range of input" and test.is_floating_point() and test.isfinite().all() and test.max() > 1:
            test = test / 255
        found = PSNR().__call__(test, reference)
        made = {
            "batch": lambda: found.mean().expand(len(test)),
            "shape": lambda: found.mean(),
            "dtype": lambda: found.float(),
            "again": lambda: found + self.calls,
            "gradient": lambda: found.detach(),
            "slope": lambda: found if found.isinf().any() else 2 * found - found.detach(),
            "changes": lambda: (test.mul_(0.5), found)[1],
        }
        return made.get(self.fault, lambda: found)()


def test_psnr_keeps_it() -> None:
    check_metric(PSNR(), identity=INF)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("range", "outside its range"),
        ("facts", "source is empty"),
        ("smallest", "a side of 19 pixels"),
        ("nan", "measures NaN"),
        ("range of input", "samples of 0 to 255"),
        ("batch", "one by one"),
        ("shape", r"wanted \(3,\)"),
        ("dtype", "for torch.float64"),
        ("again", "and then"),
        ("gradient", "no gradient"),
        ("slope", "the gradient says"),
        ("changes", "changes what it is given"),
    ],
)
def test_a_fault_is_found_and_named(fault: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_metric(Wrong(fault), identity=INF)


def test_the_identity_must_be_said_and_be_right() -> None:
    with pytest.raises(AssertionError, match="say identity="):
        check_metric(PSNR())
    with pytest.raises(AssertionError, match="against itself"):
        check_metric(PSNR(), identity=80.0)


def test_refusals_name_the_pictures_and_what_to_do() -> None:
    x = torch.rand(1, 3, 16, 20, dtype=torch.float64)
    with pytest.raises(BadRequest, match=r"20x16.*19x16.*multiple of the scale"):
        PSNR()(x, x[..., :-1])
    with pytest.raises(BadRequest, match=r"3 bands and the reference 1 band"):
        PSNR()(x, x[:, :1])
    with pytest.raises(BadRequest, match="divide 8-bit samples by 255"):
        PSNR()(x * 255, x)


def test_a_device_that_gives_something_else_is_found() -> None:
    check_on_device(PSNR(), "cpu")
    with pytest.raises(AssertionError, match="on the CPU and"):
        check_on_device(Wrong("again"), "cpu")
