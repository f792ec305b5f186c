"""Tasks: every version is judged once, figures stay in step with their pictures, and what is missing is said."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from superres.bench.tasks import Scene, Task, open_task, outcome, scenes_of
from superres.bench.tasks.text import draw, edit_distance, judge, task
from superres.cli.main import main
from superres.images.resize import imresize
from superres.types import BadInput, BadRequest, EngineUnavailable


def _scene(name: str, height: int = 33, width: int = 42, seed: int = 0) -> Scene:
    x = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Scene(name, x)


def sides(picture: np.ndarray, scene: Scene) -> dict[str, float]:
    """A judge of a user's: how large the picture is, and how far from the original's own size."""
    return {"rows": picture.shape[0], "columns": picture.shape[1]}


def test_versions_are_the_small_the_enlarged_and_the_true_picture() -> None:
    seen: dict[tuple[int, ...], np.ndarray] = {}

    def watch(picture: np.ndarray, scene: Scene) -> dict[str, float]:
        seen[(*picture.shape, len(seen))] = picture
        return {"n": len(seen)}

    scene = _scene("a")
    found = outcome(Task("watch", watch), ("nearest",), [scene], scale=4)
    assert list(found.figures) == ["lr", "bicubic-x4", "nearest-x4", "hr"] or list(found.figures) == [
        "lr",
        "bicubic",
        "nearest",
        "hr",
    ]
    pictures = list(seen.values())
    small = imresize(scene.original[:32, :40], 0.25)
    np.testing.assert_array_equal(pictures[0], small)
    np.testing.assert_array_equal(pictures[1], imresize(small, 4))
    np.testing.assert_array_equal(pictures[3], scene.original[:32, :40])


def test_what_a_network_gives_reaches_the_judge_in_eight_bits() -> None:
    """A network's floats are near the bicubic picture, not a thousandth of it."""

    def level(picture: np.ndarray, scene: Scene) -> dict[str, float]:
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        return {"mean": float(picture.mean())}

    found = outcome(Task("level", level), ("clean",), [_scene("a")], scale=4)
    assert found.mean("clean-x4", "mean") == pytest.approx(found.mean("bicubic", "mean"), abs=5)


def test_a_figure_that_some_pictures_lack_stays_in_step() -> None:
    def some(picture: np.ndarray, scene: Scene) -> dict[str, float]:
        return {"always": 1.0, **({"only-b": 2.0} if scene.name == "b" else {})}

    found = outcome(Task("some", some), (), [_scene("a"), _scene("b"), _scene("c")], scale=2)
    column = found.figures["lr"]["only-b"]
    assert [math.isnan(one) for one in column] == [True, False, True]
    assert found.mean("hr", "only-b") == 2
    assert found.plain()["figures"]["lr"]["only-b"] == [None, 2.0, None]


def test_a_function_of_a_user_is_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (tmp_path / "mine.py").write_text("def sides(picture, scene):\n    return {'rows': picture.shape[0]}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    Image.fromarray(_scene("p").original).save(tmp_path / "p.png")
    assert main(["bench-task", "mine:sides", str(tmp_path), "--model", "nearest", "--scale", "2"]) == 0
    said = capsys.readouterr().out
    assert "mine:sides, x2, 1 pictures" in said
    assert "16.0000" in said
    assert "32.0000" in said
    with pytest.raises(BadRequest, match="needs pictures"):
        scenes_of(open_task("mine:sides"), None, count=1)


def test_gray_pictures_become_three_bands_and_text_lies_beside(tmp_path: Path) -> None:
    Image.fromarray(_scene("g").original[..., 0]).save(tmp_path / "g.png")
    with pytest.raises(BadInput, match=r"g\.txt"):
        scenes_of(task(), tmp_path, count=5)
    (tmp_path / "g.txt").write_text("Hello\n")
    (scene,) = scenes_of(task(), tmp_path, count=5)
    assert scene.truth == "Hello"
    assert scene.original.shape == (33, 42, 3)


def test_requests_that_cannot_be_met(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no picture"):
        scenes_of(task(), tmp_path, count=1)
    with pytest.raises(BadRequest, match="text, faces"):
        open_task("texts")
    with pytest.raises(BadRequest, match="cannot be called"):
        open_task("superres.bench.tasks:SUFFIXES")
    with pytest.raises(BadInput, match="too small"):
        outcome(Task("s", sides), (), [_scene("a", 3, 9)], scale=4)
    assert main(["bench-task"]) == 2
    assert main(["bench-task", "text", "--count", "0"]) == 2


WORDS = st.text("abcd", max_size=7)


@given(WORDS, WORDS, WORDS)
def test_edit_distance_is_a_distance(a: str, b: str, c: str) -> None:
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


def test_edit_distance_of_known_words() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3


def test_drawn_lines_are_the_same_for_a_seed_and_hold_ink() -> None:
    first, again, other = draw(3, 1), draw(3, 1), draw(3, 2)
    for a, b in zip(first, again, strict=True):
        assert a.truth == b.truth
        np.testing.assert_array_equal(a.original, b.original)
        assert a.original.min() < 80
        assert a.original[0, 0, 0] >= 200
        assert len(a.truth.split()) == 4
    assert [one.truth for one in first] != [one.truth for one in other]
    assert draw(1, 1)[0].truth == first[0].truth


def test_judging_counts_characters_but_not_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superres.bench.tasks.text.read", lambda picture: "Rivr stone")
    found = judge(np.zeros((4, 4, 3), np.uint8), Scene("a", np.zeros((4, 4, 3), np.uint8), "River sto ne"))
    assert found["edit_distance"] == 1
    assert found["character_accuracy"] == pytest.approx(0.9)


def test_an_absent_reader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from superres.bench.tasks import faces, text

    for name, module in (("rapidocr_onnxruntime", text), ("skimage", faces)):
        monkeypatch.setitem(__import__("sys").modules, name, None)
        cached = text._reader if module is text else faces._detector
        cached.cache_clear()
        with pytest.raises(EngineUnavailable, match="pip install 'superres"):
            cached()


def test_real_text_is_read_best_on_the_true_picture() -> None:
    pytest.importorskip("rapidocr_onnxruntime", reason="the extra ocr is not installed")
    from superres.bench.tasks import text

    text._reader.cache_clear()
    found = outcome(task(), (), draw(4, 0), scale=4)
    assert found.mean("hr", "character_accuracy") > 0.9
    assert found.mean("hr", "character_accuracy") >= found.mean("lr", "character_accuracy")


def test_one_face_at_several_sizes_counts_once() -> None:
    from superres.bench.tasks import faces

    boxes = np.array([[0.1, 0.1, 0.3, 0.3], [0.11, 0.1, 0.31, 0.3], [0.5, 0.5, 0.6, 0.6]])
    np.testing.assert_array_equal(faces._distinct(boxes), boxes[[0, 2]])
    assert faces._distinct(boxes[:0]).shape == (0, 4)
    np.testing.assert_allclose(faces._overlaps(boxes[0], np.array([[0.1, 0.2, 0.3, 0.4]])), [1 / 3])


def test_a_real_face_is_found_where_it_is() -> None:
    skimage = pytest.importorskip("skimage", reason="the extra faces is not installed")
    from skimage import io

    from superres.bench.tasks import faces

    faces._detector.cache_clear()
    picture = io.imread(Path(skimage.__file__).parent / "data/astronaut.png")
    scene = Scene("astronaut", picture)
    face = np.array([0.14, 0.35, 0.31, 0.52])
    assert max(faces._overlaps(face, faces.find(picture))) > 0.7
    found = faces.judge(picture, scene)
    assert (found["detected"], found["recall"]) == (1, 1)
    assert max(faces._overlaps(face, faces.find(imresize(picture, 0.5)))) > 0.4
    assert len(faces.find(picture[300:340, 300:340])) == 0
    blank = np.full((100, 100, 3), 128, np.uint8)
    assert math.isnan(faces.judge(picture, Scene("blank", blank))["recall"])
