"""What the loop owes every method: turns, freezing, accumulation, averages, an exact end, and clear ends."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from training_parts import VALIDATED, Net, Noise, base, gan, steady

from superres.losses.l1 import L1
from superres.methods.supervised import Supervised
from superres.terms.method import Memo, Turn
from superres.terms.run import Keep, Optimise, Rule, Validate
from superres.terms.spec import LATE, part, spec
from superres.terms.weights import load_network, read_header
from superres.train.checkpoint import load_state
from superres.train.loop import Diverged, fit, fit_in_memory
from superres.train.machine import open_fabric
from superres.train.turns import Turns
from superres.types import BadOutput, BadRequest


class Two:
    """Two players with a scalar each; ``seen`` records whose gradients are on while a loss is computed."""

    result = "a"

    def __init__(self, *, every: int = 1, clip: float | None = None) -> None:
        self.a, self.b = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        for module in (self.a, self.b):
            nn.init.ones_(module.weight)
        self.players = {"a": self.a, "b": self.b}
        self.turns = (Turn("a", self._loss("a"), clip=clip), Turn("b", self._loss("b"), every=every))
        self.seen: list[tuple[int, str, bool, bool]] = []

    def _loss(self, name: str):
        def loss(batch: Mapping[str, Tensor], memo: Memo) -> dict[str, Tensor]:
            self.seen.append((memo.step, name, self.a.weight.requires_grad, self.b.weight.requires_grad))
            both = memo.get("both", lambda: batch["lr"].mean()) * 0
            return {name: both + 3 * self.a.weight.sum() + 5 * self.b.weight.sum()}

        return loss

    def state_dict(self) -> dict[str, int]:
        return {}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        pass


def turns_of(method: object, **changes: object) -> Turns:
    optimise = Optimise(**{"optimiser": "sgd", "momentum": 0.0, "lr": 0.1, "steps": 10, **changes})
    return Turns(method, optimise, open_fabric(optimise, accelerator="cpu")[0])


BATCH = {"lr": torch.ones(1, 1, 1, 1)}


def test_a_turn_moves_its_player_alone_and_only_when_it_is_due() -> None:
    method = Two(every=3)
    turns = turns_of(method)
    for step in range(4):
        turns.step([BATCH], step)
    assert method.a.weight.item() == pytest.approx(1 - 4 * 0.3)
    assert method.b.weight.item() == pytest.approx(1 - 2 * 0.5, abs=1e-6)  # steps 0 and 3
    assert method.seen[:3] == [(0, "a", True, False), (0, "b", False, True), (1, "a", True, False)]


def test_a_turns_clip_bounds_its_gradient() -> None:
    method = Two(clip=0.5)
    turns_of(method, clip=100.0).step([BATCH], 0)
    assert method.a.weight.item() == pytest.approx(1 - 0.1 * 0.5, abs=1e-6)
    assert method.b.weight.item() == pytest.approx(1 - 0.1 * 5)


def test_the_rules_clip_holds_where_the_turn_has_none() -> None:
    method = Two()
    turns_of(method, clip=0.25).step([BATCH], 0)
    assert method.b.weight.item() == pytest.approx(1 - 0.1 * 0.25, abs=1e-6)


def test_players_have_rules_of_their_own() -> None:
    method = Two()
    turns_of(method, players={"b": Rule(optimiser="sgd", momentum=0.0, lr=1.0)}).step([BATCH], 0)
    assert method.a.weight.item() == pytest.approx(1 - 0.3)
    assert method.b.weight.item() == pytest.approx(1 - 5.0)


def test_an_unknown_player_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadRequest, match="no player 'generater'; did you mean generator"):
        turns_of(gan().method.build(network=Net()), players={"generater": Rule()})


def test_averages_follow_the_weights() -> None:
    method = Two()
    turns = turns_of(method, ema=0.75)
    weights = [1.0]
    for step in range(3):
        turns.step([BATCH], step)
        weights.append(method.a.weight.item())
    expected = weights[1]  # the first update takes the weights as they are
    for weight in weights[2:]:
        expected = 0.75 * expected + 0.25 * weight
    assert turns.result.result.weight.item() == pytest.approx(expected)


def test_accumulation_equals_the_whole_batch(tmp_path: Path) -> None:
    one = steady(optimise=Optimise(steps=5, lr=1e-3))
    four = replace(one, optimise=replace(one.optimise, accumulate=4))
    nets = [fit(run, tmp_path / str(at), accelerator="cpu") for at, run in enumerate((one, four))]
    for a, b in zip(*(net.parameters() for net in nets), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_a_loss_that_ignores_its_player_is_refused() -> None:
    class Idle(Two):
        def __init__(self) -> None:
            super().__init__()
            self.turns = (Turn("a", lambda batch, memo: {"b": self.b.weight.sum()}),)

    with pytest.raises(BadRequest, match="does not depend on a's weights"):
        turns_of(Idle()).step([BATCH], 0)


def test_a_loss_with_a_shape_is_refused() -> None:
    class Wide(Two):
        def __init__(self) -> None:
            super().__init__()
            self.turns = (Turn("a", lambda batch, memo: {"wide": self.a.weight.expand(2, 3)}),)

    with pytest.raises(BadRequest, match=r"the loss wide has shape \(2, 3\); wanted one number"):
        turns_of(Wide()).step([BATCH], 0)


def test_a_teacher_is_moved_but_does_not_learn() -> None:
    class Taught(Two):
        def __init__(self) -> None:
            super().__init__()
            self.teacher = nn.Linear(1, 1, bias=False)

    method = Taught()
    before = method.teacher.weight.clone()
    turns_of(method).step([BATCH], 0)
    assert torch.equal(method.teacher.weight, before)


def test_weights_and_batches_are_channels_last_where_asked(tmp_path: Path) -> None:
    for asked in (True, False):
        optimise = Optimise(steps=1, channels_last=asked, ahead=0)
        net = fit(base(network=spec(Net, width=8), optimise=optimise), tmp_path / str(asked), accelerator="cpu")
        weight = net.tail.weight
        assert weight.is_contiguous(memory_format=torch.channels_last) == asked
        assert weight.is_contiguous() != asked


def test_the_run_ends_exactly_and_its_folder_tells_all(tmp_path: Path) -> None:
    fit(base(validate=VALIDATED), tmp_path, accelerator="cpu")
    assert load_state(tmp_path / "last.pt")["step"] == 12
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6, 8, 10, 12]
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["data"]["content"] == "noise"
    assert told["versions"]["torch"] == torch.__version__
    assert told["run"]["network"]["arguments"] == {"scale": 2, "width": 4, "dropout": 0.2}
    assert told["run"]["data"]["arguments"]["seed"] == 1  # the run's own, since the recipe left it open
    assert not list(tmp_path.glob("*.part"))


def test_a_network_file_explains_itself(tmp_path: Path) -> None:
    net = fit(base(validate=VALIDATED), tmp_path, accelerator="cpu")
    again, header = load_network(tmp_path / "last.safetensors")
    assert header["scale"] == 2
    assert header["network"] == {"target": "training_parts:Net", "arguments": {"scale": 2, "width": 4, "dropout": 0.2}}
    assert header["facts"]["step"] == 12
    assert not again.training
    for (key, one), (_, other) in zip(net.state_dict().items(), again.state_dict().items(), strict=True):
        assert torch.equal(one, other), key


def test_the_best_is_kept_by_the_figure_and_direction_asked_for(tmp_path: Path) -> None:
    lower = replace(VALIDATED, every=1, better="lower")
    fit(base(validate=lower, keep=Keep(save=3, log=1, tensorboard=False)), tmp_path, accelerator="cpu")
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    best = min(rows, key=lambda row: row["drawn.psnr"])
    assert read_header(tmp_path / "best.safetensors")["facts"]["step"] == best["step"]


def test_an_unknown_figure_is_refused_with_those_there_are(tmp_path: Path) -> None:
    wrong = Validate(suites=("drawn",), every=4, target=VALIDATED.target, best="drawn.ssim")
    with pytest.raises(BadRequest, match=r"'drawn.ssim', but measured are drawn.psnr"):
        fit(base(validate=wrong), tmp_path, accelerator="cpu")


def test_tensorboard_has_the_same_rows(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(base(keep=Keep(save=6, log=3)), tmp_path, accelerator="cpu")
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(one.step, pytest.approx(one.value)) for one in events.Scalars("loss")] == [
        (row["step"], row["loss"]) for row in rows
    ]


def test_a_loss_that_is_no_number_stops_with_step_names_batch_and_state(tmp_path: Path) -> None:
    run = base(data=spec(Noise, seed=LATE, nan_at=7))
    with pytest.raises(Diverged, match=r"step 7: the loss is nan .* 7-0.png, 7-1.png.*checkpoint is that of step 6"):
        fit(run, tmp_path, accelerator="cpu")
    assert load_state(tmp_path / "last.pt")["step"] == 6
    broken = load_state(tmp_path / "failed-7/last.pt")
    assert broken["step"] == 7
    assert all(torch.isfinite(one).all() for one in broken["turns"]["players"]["network"]["module"].values())
    from safetensors.torch import load_file

    assert torch.isnan(load_file(tmp_path / "failed-7/batch-0.safetensors")["0.lr"]).all()


class NanGradient:
    """A finite loss whose gradient is not."""

    def __call__(self, result: Tensor, target: Tensor) -> Tensor:
        return (result * 0).abs().sqrt().sum()


def test_a_gradient_that_is_no_number_never_reaches_a_checkpoint(tmp_path: Path) -> None:
    method = spec(Supervised, network=LATE, loss=part(NanGradient))
    with pytest.raises(Diverged, match=r"its gradient has the norm nan"):
        fit(base(method=method), tmp_path / "clipped", accelerator="cpu")
    unclipped = base(method=method, optimise=Optimise(steps=4), keep=Keep(save=1, tensorboard=False))
    with pytest.raises(Diverged, match=r"network has weights that are no numbers after step 1"):
        fit(unclipped, tmp_path / "unclipped", accelerator="cpu")
    assert not (tmp_path / "unclipped/last.pt").exists()


class FullDisk:
    """Writes of a file of the run fail as on a full disk, once ``full`` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import os

        self.full, self.sync = False, os.fsync
        monkeypatch.setattr("superres.terms.weights.os.fsync", self._fsync)

    def _fsync(self, handle: int) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.sync(handle)

    def note(self, text: str) -> None:
        pass

    def step(self, step: int, steps: int, figures: object, left: float) -> None:
        self.full = step >= 8


def test_a_full_disk_stops_clearly_and_the_good_checkpoint_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    with pytest.raises(BadOutput, match=r"last.pt cannot be written: No space left on device; the one that was there"):
        fit(base(), tmp_path, accelerator="cpu", reporter=disk)
    assert load_state(tmp_path / "last.pt")["step"] == 6
    assert not list(tmp_path.glob(".*.part"))
    disk.full = False
    fit(base(), tmp_path / "other", accelerator="cpu")
    disk.step = lambda *_: None  # there is room again
    fit(base(), tmp_path, accelerator="cpu", resume=True, reporter=disk)
    assert (tmp_path / "last.safetensors").read_bytes() == (tmp_path / "other/last.safetensors").read_bytes()


def test_a_checkpoint_of_another_network_is_refused_with_what_differs(tmp_path: Path) -> None:
    fit(base(), tmp_path, accelerator="cpu")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(BadRequest, match=r"head.weight is \(4, 3, 3, 3\) there, \(6, 3, 3, 3\) here; head.bias"):
        fit(base(network=spec(Net, width=6)), tmp_path, accelerator="cpu", resume=True)
    with pytest.raises(BadRequest, match=r"has the players \['network'\], this method has \['discriminator'"):
        fit(gan(), tmp_path, accelerator="cpu", resume=True)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_a_folder_with_a_run_is_not_overwritten(tmp_path: Path) -> None:
    fit(base(), tmp_path, accelerator="cpu")
    with pytest.raises(BadRequest, match="already holds a run; go on with it by --resume"):
        fit(base(), tmp_path, accelerator="cpu")


def test_changed_pictures_are_told(tmp_path: Path) -> None:
    told: list[str] = []

    class Told:
        def note(self, text: str) -> None:
            told.append(text)

        def step(self, *_: object) -> None:
            pass

    fit(base(), tmp_path, accelerator="cpu")
    fit(base(data=spec(Noise, seed=LATE, content="other")), tmp_path, accelerator="cpu", resume=True, reporter=Told())
    assert any("not those that the run began with" in text for text in told)


def test_scales_that_disagree_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"makes \(4, 3, 18, 18\), the data want \(4, 3, 12, 12\)"):
        fit(base(network=spec(Net, scale=3)), tmp_path, accelerator="cpu")


def test_a_batch_that_does_not_fit_the_network_is_told_with_its_shapes(tmp_path: Path) -> None:
    class Gray(Supervised):
        pass

    with pytest.raises(BadRequest, match=r"the turn of network fails on lr \(1, 1, 1, 1\): .*channels"):
        turns_of(Supervised(Net(), loss=L1())).step([BATCH], 0)


def test_a_picture_is_learnt_in_memory_within_a_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As methods do that learn at test time from the one picture they enlarge."""
    monkeypatch.chdir(tmp_path)
    source = Noise(seed=1, batch=1, size=12)
    picture = source(0)

    class One:
        def facts(self) -> dict[str, object]:
            return {}

        def __call__(self, step: int, part: tuple[int, int] = (0, 1)) -> dict[str, object]:
            return picture

    torch.manual_seed(0)
    net = Net(dropout=0.0)
    before = L1()(net(picture["lr"]), picture["hr"]).item()
    losses: list[float] = []

    def after(turns: Turns, done: int, terms: Mapping[str, Tensor]) -> bool:
        losses.append(terms["loss"].item())
        if done == 20:
            turns.factor = 0.1
        assert turns.result.rate == pytest.approx(1e-2 if done <= 20 else 1e-3)
        return done == 40

    learnt = fit_in_memory(Supervised(net, loss=L1()), One(), Optimise(steps=1000, lr=1e-2), after=after)
    assert len(losses) == 40
    assert not learnt.training
    assert L1()(learnt(picture["lr"]), picture["hr"]).item() < 0.9 * before
    fit_in_memory(Supervised(net, loss=L1()), One(), Optimise(steps=10**9), budget_seconds=0.05)
    assert not list(tmp_path.iterdir())


def test_a_budget_ends_a_run_with_everything_saved(tmp_path: Path) -> None:
    run = base(optimise=Optimise(steps=10**6, ahead=0))
    fit(run, tmp_path, accelerator="cpu", budget_seconds=0.05)
    assert 0 < load_state(tmp_path / "last.pt")["step"] < 10**6


def test_mixed_precision_is_emulated_and_the_last_part_is_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superres.train.precision.native", lambda precision, device: True)
    seen: list[torch.dtype] = []
    monkeypatch.setattr(Net, "forward", lambda self, x: _watched(self, x, seen))
    optimise = Optimise(steps=4, precision="bf16", precision_share=0.5, clip=1.0, ema=0.9, accumulate=2, ahead=0)
    for at, run in enumerate((base(optimise=optimise), gan(optimise=optimise))):
        seen.clear()
        net = fit(run, tmp_path / str(at), accelerator="cpu")
        assert seen == [torch.bfloat16] * 4 + [torch.float32] * 4
        assert all(one.dtype == torch.float32 and torch.isfinite(one).all() for one in net.parameters())


def _watched(net: Net, x: Tensor, seen: list[torch.dtype]) -> Tensor:
    made = net.shuffle(net.tail(torch.relu(net.head(x))))
    seen.append(made.dtype)
    return made


def test_precision_that_is_not_native_is_float32_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("superres.train.precision.native", lambda precision, device: precision == "float32")

    class Told:
        def note(self, text: str) -> None:
            told.append(text)

        def step(self, *_: object) -> None:
            pass

    run = base()
    plain = fit(run, tmp_path / "float32", accelerator="cpu")
    low = replace(run, optimise=replace(run.optimise, precision="bf16"))
    asked = fit(low, tmp_path / "bf16", accelerator="cpu", reporter=Told())
    assert told == ["bf16 is not native on this cpu device, so everything runs in float32"]
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), asked.parameters(), strict=True))
