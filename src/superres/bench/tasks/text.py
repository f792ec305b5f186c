"""Reading text: how many characters an optical reader gets right on lines that are drawn here, or on a user's."""

from functools import cache
from typing import Any, cast

import numpy as np

from superres.bench.tasks import Scene, Task
from superres.types import Array, EngineUnavailable

_WORDS = """
    river stone light garden winter paper signal market bridge window copper forest number letter silver engine
    harbour pocket candle planet ticket corner mirror answer summer travel people yellow circle morning
""".split()  # noqa: SIM905 - thirty words read better than thirty strings
_SIZES = (20, 40)  # pixels of a line's letters, before reduction
_MARGIN = 24
_ONE_LINE = 3


def task() -> Task:
    """Characters read by rapidocr (PP-OCRv4, Apache-2.0); spaces do not count, capitals do."""
    return Task(
        "text",
        judge,
        {"character_accuracy": "higher", "edit_distance": "lower"},
        draw,
        wants_text=True,
        note="reader: rapidocr-onnxruntime, its own models; spaces are left out, capitals count",
    )


def judge(picture: Array, scene: Scene) -> dict[str, float]:
    """How far what is read is from the truth: edits (Levenshtein), and the share of characters that need none."""
    wanted = _without_spaces(scene.truth)
    edits = edit_distance(_without_spaces(read(picture)), wanted)
    accuracy = max(0.0, 1 - edits / len(wanted)) if wanted else float("nan")
    return {"character_accuracy": accuracy, "edit_distance": float(edits)}


def read(picture: Array) -> str:
    """(H, W, 3) uint8 -> its text. EngineUnavailable where the reader is not installed.

    A picture more than three times as wide as high is one line and is read as it is; in another the lines are looked
    for first.
    """
    bgr = np.ascontiguousarray(picture[..., ::-1])
    if picture.shape[1] > _ONE_LINE * picture.shape[0]:
        found, _ = _reader()(bgr, use_det=False, use_cls=False)
        return " ".join(one[0] for one in cast(list[tuple[str, float]], found or []))
    found, _ = _reader()(bgr, use_cls=False)
    boxes = cast(list[tuple[list[list[float]], str, float]], found or [])
    height = float(np.median([one[0][2][1] - one[0][0][1] for one in boxes])) if boxes else 1.0
    ordered = sorted(boxes, key=lambda one: (round(one[0][0][1] / max(height, 1.0)), one[0][0][0]))
    return " ".join(one[1] for one in ordered)


def edit_distance(a: str, b: str) -> int:
    """The least number of characters put in, taken out or exchanged that makes ``b`` of ``a`` (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row = row, [i]
        for j, other in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (one != other)))
    return row[-1]


def draw(count: int, seed: int) -> list[Scene]:
    """Lines of words and a number, dark on light, in Pillow's own font; the same for the same seed."""
    return [_drawn(np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, index])), index)
            for index in range(count)]  # fmt: skip


def _drawn(rng: np.random.Generator, index: int) -> Scene:
    from PIL import Image, ImageDraw, ImageFont

    words = [str(one) for one in rng.choice(_WORDS, 3, replace=False)]
    words[int(rng.integers(3))] = words[0].capitalize()
    line = " ".join((*words, str(rng.integers(100, 10000))))
    font = ImageFont.load_default(int(rng.integers(*_SIZES)))
    left, top, right, bottom = font.getbbox(line)
    paper, ink = int(rng.integers(200, 256)), int(rng.integers(0, 80))
    size = (int(right - left) + 2 * _MARGIN, int(bottom - top) + 2 * _MARGIN)
    picture = Image.new("RGB", size, (paper, paper, paper))
    cast(Any, ImageDraw.Draw(picture)).text((_MARGIN - left, _MARGIN - top), line, fill=(ink, ink, ink), font=font)
    return Scene(f"line{index:03d}", np.asarray(picture), line)


def _without_spaces(text: str) -> str:
    return "".join(text.split())


@cache
def _reader() -> Any:
    try:
        from rapidocr_onnxruntime import RapidOCR  # pyright: ignore
    except ImportError as error:
        raise EngineUnavailable(
            f"reading text needs rapidocr-onnxruntime ({error}); `pip install 'superres[ocr]'`, with its models"
        ) from error
    return cast(Any, RapidOCR)(intra_op_num_threads=1, inter_op_num_threads=1)  # idle threads spin and slow others down
