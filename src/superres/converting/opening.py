"""A file of weights as a model: a Graph where its network has one, else the module itself."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from superres.converting.engine import ModuleEngine
from superres.converting.family import Dialect, State
from superres.converting.reading import read_state
from superres.converting.recognising import recognise
from superres.converting.telling import NOTHING, Told, tell
from superres.graph.graph import Graph
from superres.graph.shapes import check
from superres.graph.wrapping import Wrapping
from superres.runtime.baselines import Bicubic
from superres.runtime.checkpoint import chain_graph
from superres.runtime.ensemble import luma_only
from superres.runtime.foreign import Foreign
from superres.terms.network import NetworkFacts
from superres.terms.spec import Spec
from superres.terms.tree import from_json
from superres.terms.weights import is_network_file, load_network
from superres.train.export import to_graph
from superres.types import BadModel, SuperresError, Upscaler

_CHAIN = re.compile(r"(head|body\.\d+|tail)\.(weight|bias|direct|inner|outer)")

_OURS = Dialect("superres", ())


@dataclass(frozen=True)
class Opened:
    """``graph`` is ``None`` for a network that none expresses; ``network`` and ``module`` for a folded chain."""

    name: str
    card: dict[str, Any]
    graph: Graph | None
    wrapping: Wrapping | None
    network: Spec[Any] | None = None
    module: nn.Module | None = None

    @property
    def scale(self) -> int:
        if self.wrapping is not None:
            return self.wrapping.scale
        return self.graph.scale if self.graph is not None else _facts(self.module).factor

    @property
    def channels(self) -> int:
        if self.wrapping is not None and self.wrapping.bands != "all":
            return 3
        return self.graph.channels if self.graph is not None else _facts(self.module).channels


def open_weights(
    path: Path,
    *,
    network: str | None = None,
    scale: int | None = None,
    value_range: float | None = None,
    told: Told = NOTHING,
) -> Opened:
    """The model in ``path``: a network file of ours, a chain, or an official checkpoint.

    ``network`` names its family, ``scale`` chooses one where the file holds several or tells none, ``value_range`` is
    the value of white where the file does not say. ``told`` is the degradation, for a network that is told it.
    Raises BadModel, and BadRequest for what the file's network cannot be told.
    """
    try:
        if path.suffix.lower() == ".safetensors" and is_network_file(path):
            module, described = load_network(path)
            found: Spec[Any] = from_json(described["network"])
            tell(module, told)
            return _opened(found.name.lower(), found, module.requires_grad_(False), {})
        state = read_state(path)
        if network is None and told == NOTHING and _is_chain(state):
            return _chain(state, path)
        opened = open_state(state, network=network, scale=scale, value_range=value_range, told=told)
        return replace(opened, card=opened.card | _file(path) | told.card())
    except SuperresError as error:
        raise error if str(path) in str(error) else type(error)(f"{path}: {error}") from error


def open_state(
    state: State,
    *,
    network: str | None = None,
    scale: int | None = None,
    value_range: float | None = None,
    told: Told = NOTHING,
) -> Opened:
    """As :func:`open_weights`, of an official checkpoint's weights."""
    known = recognise(state, network=network, scale=scale, value_range=value_range)
    tell(known.module, told)
    arguments = known.network.arguments
    card = {
        "network": known.family,
        "arguments": {key: value for key, value in arguments.items() if isinstance(value, (int, float, str))},
        "weights": f"as {known.dialect.source} writes them, under the licence of those who trained them",
    }
    return _opened(known.family, known.network, known.module, card, known.dialect)


def foreign(path: Path, scale: int | None, value_range: float | None = None) -> Foreign:
    """:func:`open_weights` as the runtime wants it; named by a string there."""
    opened = open_weights(path, scale=scale, value_range=value_range)
    facts = (path, opened.scale, opened.channels)
    if opened.graph is not None:
        return Foreign(*facts, "auto", opened.graph, None, opened.card, opened.wrapping)
    assert opened.module is not None
    known, wrapping = _facts(opened.module), opened.wrapping

    def opener(device: str, threads: int | None) -> Upscaler:
        assert opened.module is not None
        engine = ModuleEngine(opened.module, device=device, threads=threads)
        return engine if wrapping is None else luma_only(engine, Bicubic(wrapping.scale), wrapping.bands)

    return Foreign(*facts, "torch", None, opener, opened.card, None, known.radius, known.multiple)


def _opened(
    name: str, network: Spec[Any], module: nn.Module, card: Mapping[str, Any], dialect: Dialect | None = None
) -> Opened:
    facts, graph = _facts(module), None
    factor = facts.factor
    with suppress(BadModel):
        graph = to_graph(module, scale=factor, channels=facts.channels, shared=True)
    if graph is None and facts.enlarged:
        raise BadModel(f"{network.name} works on an enlarged picture and has no graph; it cannot be run here")
    return Opened(name, dict(card), graph, _wrapping(facts, dialect or _OURS), network, module)


def _wrapping(facts: NetworkFacts, dialect: Dialect) -> Wrapping | None:
    bands = "all" if facts.channels != 1 else "studio-luma" if dialect.studio else "luma"
    if facts.enlarged:
        return Wrapping(int(facts.scale), "bicubic-zeros" if dialect.zeros else "bicubic", bands)
    return None if bands == "all" else Wrapping(facts.factor, "picture", bands)


def _is_chain(state: State) -> bool:
    """Whether the names are our chain's; a compact network of Real-ESRGAN has some of them, but no head."""
    return "head.bias" in state and all(_CHAIN.fullmatch(name) for name in state)


def _chain(state: State, path: Path) -> Opened:
    graph = chain_graph({name: value.numpy() for name, value in state.items()})
    check(graph)
    return Opened("chain", {"network": "chain", "converted from": path.name}, graph, None)


def _facts(module: nn.Module | None) -> NetworkFacts:
    facts: Any = getattr(module, "facts", None)
    if not isinstance(facts, NetworkFacts):
        raise BadModel(f"{type(module).__name__} tells nothing of itself: no scale, no channels")
    return facts


def _file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"converted from": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
