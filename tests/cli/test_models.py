"""``superres models``."""

import json

import pytest

from superres.cli.main import main
from superres.runtime import models as runtime_models

Capture = pytest.CaptureFixture[str]
CARD = {
    "name": "clean-x4",
    "scale": 4,
    "parameters": 229584,
    "purpose": "clean pictures",
    "training data": ["T91", "BSDS400"],
    "training data licence": "non-commercial research use",
    "recipe": "python -m superres.recipes.shipped clean 4",
    "figures": {"unit": "dB", "clean": {"Set5": 31.4567, "Set14": 28.2}},
}


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [CARD, {**CARD, "name": "photo-x2", "scale": 2, "figures": {}}]
    monkeypatch.setattr(runtime_models, "shipped", lambda: found)


def test_cards_tell_what_a_user_should_know(cards: None, capsys: Capture) -> None:
    assert main(["models"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    for fact in ("clean-x4\n", "photo-x2\n", "229 584", "T91, BSDS400", "non-commercial", "recipes.shipped"):
        assert fact in said.out
    assert "Set5 31.4567, Set14 28.2" in said.out
    assert "not measured yet" in said.out


def test_json_is_one_document(cards: None, capsys: Capture) -> None:
    assert main(["models", "--json", "clean-x4"]) == 0
    assert json.loads(capsys.readouterr().out) == [CARD]


def test_an_unknown_name_is_refused_with_the_nearest(cards: None, capsys: Capture) -> None:
    assert main(["models", "claen-x4"]) == 2
    assert "did you mean clean-x4?" in capsys.readouterr().err


def test_without_trained_models_that_is_said(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(runtime_models, "shipped", list)
    assert main(["models"]) == 0
    assert "no trained model" in capsys.readouterr().out


def test_the_shipped_models_have_cards_with_their_licence(capsys: Capture) -> None:
    assert main(["models", "--json"]) == 0
    for card in json.loads(capsys.readouterr().out):
        assert card["name"].endswith(f"-x{card['scale']}")
        assert card["training data licence"]
        assert card["recipe"]
