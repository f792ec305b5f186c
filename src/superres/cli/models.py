"""``superres models``: the cards of the models inside the package."""

import json as encoding
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, cast

from superres.cli.parse import nearest
from superres.types import BadRequest

_FIRST = ("purpose", "scale", "parameters", "licence", "training data", "training data licence", "recipe")


def models(names: tuple[str, ...] = (), /, *, json: bool = False) -> int:
    """Print the cards of the models in the package: scale, size, figures, recipe, licence of the training data.

    Args:
        names: only these models, like clean-x4
        json: print one JSON document: a list of cards
    """
    cards = _chosen(_cards(), names)
    if json:
        print(_as_json(cards))
    elif not cards:
        print("no trained model is in this copy of superres; nearest, bilinear and bicubic always are")
    else:
        print("\n\n".join(_card(card) for card in cards))
    return 0


def _cards() -> list[dict[str, Any]]:
    from superres.runtime.models import shipped

    return shipped()


def _chosen(cards: list[dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    known = [card["name"] for card in cards]
    for name in names:
        if name not in known:
            raise BadRequest(f"no model is called {name!r}{nearest(name, known)} (there are: {', '.join(known)})")
    return [card for card in cards if not names or card["name"] in names]


def _as_json(cards: list[dict[str, Any]]) -> str:
    return encoding.dumps(cards, indent=2, ensure_ascii=False)


def _card(card: Mapping[str, Any]) -> str:
    """``name`` on its own line, what matters most first, long values folded."""
    rest = [key for key in card if key not in {*_FIRST, "name", "figures"}]
    lines = [str(card["name"])]
    lines.extend(_line(key, _text(card[key])) for key in (*(k for k in _FIRST if k in card), *rest))
    lines.extend(_line(f"figures: {key}" if key else "figures", value) for key, value in _figures(card.get("figures")))
    return "\n".join(lines)


def _figures(figures: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(figures, Mapping) or not figures:
        yield "", "not measured yet"
        return
    for key, value in cast(Mapping[str, Any], figures).items():
        yield key, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(one)}" for key, one in cast(Mapping[str, Any], value).items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in cast(list[Any], value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else f"{value:.6g}"


def _line(key: str, value: str) -> str:
    return textwrap.fill(
        value, 110, initial_indent=f"  {key:<22} ", subsequent_indent=" " * 25, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
