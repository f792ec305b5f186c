"""One of two processes of a run: python two_processes.py RECIPE OUT DEVICES STRATEGY; prints its weights as a hash."""

import hashlib
import sys
from pathlib import Path

import training_parts

from superres.train.loop import fit
from superres.types import SuperresError


def say(line: str) -> None:
    """One write: both processes have the same pipe, and unbuffered ``print`` writes each of its words alone."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    recipe, out, devices, strategy = sys.argv[1:]
    try:
        run, resume = getattr(training_parts, recipe)(), (Path(out) / "last.pt").exists()
        net = fit(run, out, accelerator="cpu", devices=int(devices), strategy=strategy, resume=resume)
    except SuperresError as error:
        say(f"STOPPED {error}")
        sys.exit(error.exit_status)
    digest = hashlib.sha256(b"".join(one.detach().numpy().tobytes() for one in net.state_dict().values())).hexdigest()
    say(f"WEIGHTS {digest}")
