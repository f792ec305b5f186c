"""Where training draws its batches from."""

from typing import Protocol, runtime_checkable

from superres.terms.plain import Plain
from superres.terms.sample import Sample


@runtime_checkable
class Source(Protocol):
    """Batches that are a function of (seed, step) alone, whoever asks for them, when and how often.

    So a run that was stopped goes on with the very batches it would have seen, and neither the number of workers nor
    the order of the questions changes a bit.
    """

    def facts(self) -> dict[str, Plain]:
        """What a run's record needs: ``pictures``, ``content`` (SHA-256 over names and contents), ``per_epoch``."""
        ...

    def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> Sample:
        """The ``part[0]``-th of ``part[1]`` equal shares of the batch of that step.

        All shares one after the other are exactly the whole batch: processes and accumulation ask for theirs.
        ``lr`` and ``hr`` are (B, C, H, W) float32 in [0, 1], channels-last; ``name`` is a list of B strings.
        Raises BadRequest where the batch cannot be shared out equally.
        """
        ...
