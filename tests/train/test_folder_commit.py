"""Which commit a run says that it was made by."""

import shutil
import subprocess
from pathlib import Path

import pytest

from superres.train import folder


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_repository_around_an_installed_package_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    identity = ["-c", "user.name=somebody", "-c", "user.email=some@body"]
    subprocess.run(["git", "-C", str(tmp_path), *identity, "commit", "-q", "--allow-empty", "-m", "theirs"], check=True)
    installed = tmp_path / "site-packages" / "folder.py"
    installed.parent.mkdir()
    shutil.copy(folder.__file__, installed)
    monkeypatch.setattr(folder, "__file__", str(installed))
    assert folder.commit() is None
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
    found = folder.commit()
    assert found is not None
    assert found.endswith("-dirty")
