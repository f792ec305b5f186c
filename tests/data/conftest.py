"""Caches of these tests stay in the test's own folder; no data root of the user's is looked at."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERRES_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("SUPERRES_DATA", raising=False)
