"""What a run tells: a line of JSON a time, the same for TensorBoard, and the progress to whoever watches."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from torch import Tensor

from superres.terms.weights import replace_file
from superres.types import BadOutput

LOG = "log.jsonl"


class Reporter(Protocol):
    """Who watches: a bar, lines, or nobody."""

    def note(self, text: str) -> None: ...
    def step(self, step: int, steps: int, figures: Mapping[str, float], rate: float) -> None:
        """``step`` of ``steps`` are done, at ``rate`` samples a second."""
        ...


class Silent:
    """Nobody watches."""

    def note(self, text: str) -> None:
        """Not told."""

    def step(self, step: int, steps: int, figures: Mapping[str, float], rate: float) -> None:
        """Not told."""


class Window:
    """The mean of every named loss since it was last asked, summed on the device so that no step waits for it."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.samples = 0
        self.began = time.monotonic()

    def add(self, terms: Mapping[str, Tensor], samples: int) -> None:
        for key, value in terms.items():
            self.sums[key] = self.sums[key] + value if key in self.sums else value.clone()
            self.counts[key] = self.counts.get(key, 0) + 1
        self.samples += samples

    def close(self) -> tuple[dict[str, float], float]:
        """Means and samples a second; begins anew."""
        means = {key: value.item() / self.counts[key] for key, value in self.sums.items()}
        rate = self.samples / max(1e-9, time.monotonic() - self.began)
        self.sums, self.counts, self.samples, self.began = {}, {}, 0, time.monotonic()
        return means, rate

    def state_dict(self) -> dict[str, Any]:
        return {"sums": {key: value.cpu() for key, value in self.sums.items()}, "counts": dict(self.counts)}

    def load_state_dict(self, state: Mapping[str, Any], device: Any) -> None:
        self.sums = {key: value.to(device) for key, value in state["sums"].items()}
        self.counts = dict(state["counts"])


class Log:
    """``log.jsonl`` and TensorBoard's files in the run folder; a resumed run drops the lines it will write again."""

    def __init__(self, folder: Path, *, after: int, tensorboard: bool) -> None:
        self.path = folder / LOG
        if self.path.exists():
            lines = self.path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= after]
            replace_file(self.path, "".join(kept).encode())
        self._board = _board(folder, after) if tensorboard else None

    def write(self, row: Mapping[str, float | int]) -> None:
        """One row; ``step`` is the number of steps done."""
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            what = error.strerror or error
            raise BadOutput(f"{self.path} cannot be written: {what}; make room and go on with --resume") from error
        for key, value in row.items():
            if self._board is not None and key != "step":
                self._board.add_scalar(key.replace(".", "/"), value, int(row["step"]))

    def close(self) -> None:
        if self._board is not None:
            self._board.close()


def _board(folder: Path, after: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return cast(Any, SummaryWriter)(str(folder / "tensorboard"), purge_step=after + 1 if after else None)
