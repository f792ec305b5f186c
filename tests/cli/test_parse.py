"""Words to calls."""

from typing import Any, Literal

import pytest

from superres.cli.parse import call
from superres.types import BadRequest

CALLS: list[dict[str, Any]] = []


def verb(
    inputs: tuple[str, ...],
    /,
    *,
    output: str | None = None,
    scale: float | None = None,
    engine: Literal["auto", "ncnn"] = "auto",
    max_memory: str | None = None,
    explain: bool = False,
) -> int:
    """Do something.

    Args:
        inputs: files and folders
        output: where the result goes
        explain: only tell
    """
    CALLS.append(locals())
    return 7


def called(*words: str) -> dict[str, Any]:
    CALLS.clear()
    assert call(verb, words, "superres verb") == 7
    return CALLS[0]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["a.png"], {"inputs": ("a.png",), "output": None, "explain": False}),
        (["a.png", "--scale", "2.5", "b.png"], {"inputs": ("a.png", "b.png"), "scale": 2.5}),
        (["--explain", "a.png", "-o", "x"], {"inputs": ("a.png",), "explain": True, "output": "x"}),
        (["a.png", "--output=x=y"], {"output": "x=y"}),
        (["--scale=3", "--", "-a.png", "--scale"], {"inputs": ("-a.png", "--scale"), "scale": 3.0}),
        (["--max_memory", "500M", "a"], {"max_memory": "500M"}),
        (["a", "--engine", "ncnn"], {"engine": "ncnn"}),
        (["a", "--scale", "-2"], {"scale": -2.0}),
        (["with space.png", "ü.png"], {"inputs": ("with space.png", "ü.png")}),
    ],
)
def test_flags_and_names_may_come_in_any_order(words: list[str], wanted: dict[str, Any]) -> None:
    found = called(*words)
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "--scal", "2"], "did you mean --scale?"),
        (["a", "--max-memry=3"], "did you mean --max-memory?"),
        (["a", "--output"], "wants a value"),
        (["a", "--explain=yes"], "takes no value"),
        (["a", "-x"], "-x is no flag of superres verb"),
    ],
)
def test_wrong_flags_name_the_right_one(words: list[str], said: str) -> None:
    with pytest.raises(BadRequest, match=said.replace("?", r"\?")):
        call(verb, words, "superres verb")


@pytest.mark.parametrize("words", [["a", "--scale", "big"], ["a", "--engine", "steam"]])
def test_values_of_a_wrong_kind_end_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        call(verb, words, "superres verb")
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert words[1] in said.err
    assert said.out == ""


def test_help_shows_every_flag_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        call(verb, ["a.png", "--help"], "superres verb")
    assert stop.value.code == 0
    said = capsys.readouterr().out
    for word in ("INPUT", "-o OUT", "--output", "--scale FACTOR", "--max-memory", "the result goes", "{auto,ncnn}"):
        assert word in said
    assert "None" not in said


def several(
    names: tuple[str, ...],
    /,
    *,
    metric: tuple[str, ...] = ("psnr",),
    set: tuple[str, ...] = (),  # noqa: A002 - a flag called --set
    deep: bool = False,
) -> int:
    """Do something with several.

    Args:
        names: files
        metric: what to measure
        set: of a class
        deep: more
    """
    CALLS.append(locals())
    return 7


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["a", "--metric", "psnr", "ssim"], {"names": ("a",), "metric": ("psnr", "ssim")}),
        (["a", "b", "--metric", "x", "--deep", "c"], {"names": ("a", "b", "c"), "metric": ("x",), "deep": True}),
        (["--metric", "x", "--metric=y", "z", "--", "a"], {"names": ("a",), "metric": ("x", "y", "z")}),
        (["a", "--set", "w=1", "d=2", "--set", "e=3"], {"names": ("a",), "set": ("w=1", "d=2", "e=3")}),
        (["a"], {"names": ("a",), "metric": ("psnr",)}),
    ],
)
def test_flags_of_several_values(words: list[str], wanted: dict[str, Any]) -> None:
    CALLS.clear()
    assert call(several, words, "superres several") == 7
    assert {key: CALLS[0][key] for key in wanted} == wanted
