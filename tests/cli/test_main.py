"""The command as a whole: help, statuses, and what is never shown to a user."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from superres.cli import main as command
from superres.cli.main import VERBS, main
from superres.types import BadOutput

HEAVY = {"torch", "ncnn", "onnxruntime", "openvino", "pyvips", "PIL", "fastapi", "numpy", "scipy", "safetensors"}

CALL = "import sys\nfrom superres.cli.main import main\nstatus = main(sys.argv[1:])\n"


def process(*words: str, code: str | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    start = ["-m", "superres"] if code is None else ["-c", code]
    return subprocess.run([sys.executable, *start, *words], capture_output=True, text=True, timeout=120, **more)


@pytest.mark.parametrize("words", [["--help"], *([verb, "--help"] for verb in VERBS)])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    found = process(*words, code=CALL + "print('MODULES', *sys.modules); sys.exit(status)")
    assert found.returncode == 0, found.stderr
    shown, _, modules = found.stdout.partition("MODULES")
    assert "superres" in shown
    loaded = {name.split(".")[0] for name in modules.split()}
    assert "superres" in loaded
    assert not loaded & HEAVY


def test_a_call_for_a_picture_loads_no_type_checker() -> None:
    found = process("upscale", "absent.png", code=CALL + "print('MODULES', *sys.modules); sys.exit(status)")
    assert found.returncode == 3, found.stderr
    assert {"tyro", "numpy"} <= set(found.stdout.split())
    assert not {"typeguard", "asyncio"} & set(found.stdout.split())


def test_bare_help_does_not_need_tyro() -> None:
    found = process("--help", code="import sys; sys.modules['tyro'] = None\n" + CALL + "sys.exit(status)")
    assert found.returncode == 0, found.stderr
    for verb in VERBS:
        assert f"\n  {verb}" in found.stdout
    assert "exit status" in found.stdout


def test_no_words_show_the_help_on_stderr_and_are_a_wrong_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "verbs:" in said.err


def test_a_wrong_verb_names_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upscael", "a.png"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("superres: error: 'upscael' is no verb of superres; did you mean upscale?")


def test_a_wrong_flag_names_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upscale", "a.png", "--sale", "2"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "did you mean --scale?" in said


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"superres {importlib.metadata.version('superres')}\n"


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def verb(inputs: tuple[str, ...] = (), /) -> int:
        raise error

    monkeypatch.setattr(command, "_verb", lambda _: verb)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BadOutput("a.png: the disk\nis full"), 6, "superres: error: a.png: the disk is full\n"),
        (KeyboardInterrupt(), 130, "superres: stopped; no unfinished file is left\n"),
        (ZeroDivisionError("by zero"), 70, "superres: error inside superres (ZeroDivisionError: by zero)"),
    ],
)
def test_every_end_is_one_line_and_a_status(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, error)
    monkeypatch.delenv("SUPERRES_DEBUG", raising=False)
    assert main(["upscale"]) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(said)
    assert shown.err.count("\n") == 1


def test_debugging_shows_where_an_unexpected_error_came_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, ZeroDivisionError("by zero"))
    monkeypatch.setenv("SUPERRES_DEBUG", "1")
    assert main(["upscale"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_closed_pipe_is_no_stack_trace() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        found = subprocess.run(
            [sys.executable, "-m", "superres", "--help"], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60
        )
    finally:
        os.close(write)
    assert found.returncode == 141
    assert found.stderr == ""


def test_the_console_script_is_this_run() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["scripts"]["superres"] == "superres.cli.main:run"


@pytest.mark.parametrize("words", [["measure", "a.png", "b.png"], ["bench", "--model", "bicubic", "--scale", "4"]])
def test_an_absent_extra_is_named_with_its_remedy(words: list[str]) -> None:
    code = "import sys; sys.modules['torch'] = None; from superres.cli.main import main; sys.exit(main(sys.argv[1:]))"
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert result.returncode == 5, result.stderr
    assert "pip install 'superres[train]'" in result.stderr
    assert result.stderr.count("\n") == 1
