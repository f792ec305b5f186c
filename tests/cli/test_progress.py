"""Progress as lines and as a bar."""

import io
import sys

import pytest

from superres.cli import progress


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1:00"), (185, "3:05"), (3723, "1:02:03")],
)
def test_durations_are_written_as_people_do(seconds: float, text: str) -> None:
    assert progress.duration(seconds) == text


def test_lines_are_for_what_is_not_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.reporter() as shown:
        assert isinstance(shown, progress.Lines)
        shown.begin("a.png", 1.0)
        shown.advance("a.png", 0.5)
        shown.note("a.png -> b.png")
        shown.end("a.png")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "a.png -> b.png\n"


def test_a_long_picture_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    shown = progress.Lines(every=0)
    shown.advance("a.png", 0.256)
    assert capsys.readouterr().err == "a.png: 26 %\n"


def test_a_terminal_gets_a_bar_with_throughput(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with progress.reporter() as shown:
        assert isinstance(shown, progress.Bar)
        shown.begin("a[b].png", 2.0)
        shown.advance("a[b].png", 0.25)
        shown._progress.refresh()
        shown.note("[bold] is no markup")
        shown.end("a[b].png")
    assert "MP/s" in screen.getvalue()
    assert "a[b].png" in screen.getvalue()
    assert "25 %" in screen.getvalue()
    assert "[bold] is no markup" in screen.getvalue()
