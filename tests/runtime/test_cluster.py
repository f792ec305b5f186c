"""A batch on a Ray cluster of this machine: the same files, lost workers, resume, and a clean stop."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from superres.cli.main import main
from superres.runtime import cluster, plan, units
from superres.runtime.jobs import expand, run
from superres.runtime.settings import Settings
from superres.types import BadRequest, EngineUnavailable

_spec = importlib.util.spec_from_file_location("runtime_fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)


@pytest.mark.parametrize("on", ["dask", "ray://", "ray:/host", "rey"])
def test_what_is_no_cluster_is_refused_at_once(on, tmp_path, capsys):
    assert main(["upscale", str(tmp_path), "--on", on]) == BadRequest.exit_status
    assert "is no cluster; write ray" in capsys.readouterr().err


def test_without_ray_the_hint_names_the_extra(tmp_path, monkeypatch, capsys):
    Image.fromarray(fakes.picture(8, 8)).save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["upscale", str(tmp_path / "a.png"), "--on", "ray"]) == EngineUnavailable.exit_status
    assert "pip install 'superres[ray]'" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["a.png"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    os.environ["SUPERRES_CACHE"] = str(tmp_path_factory.mktemp("cache"))  # of the workers
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    context = ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=150 << 20,
    )
    del os.environ["SUPERRES_CACHE"]
    yield context.address_info["gcs_address"]
    ray.shutdown()


def draw(path, shape=(40, 50), seed=0, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(fakes.picture(*shape, seed=seed, **more)).save(path)
    return path


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def both_ways(source, tmp_path, settings):
    """The results of one process, and of the cluster, with the events of the latter."""
    heard = []
    here = run(expand([source], settings, output=tmp_path / "here"), settings)
    there = run(expand([source], settings, output=tmp_path / "there"), settings, heard.append, on="ray")
    assert (here.exit_status, there.exit_status) == (0, 0), there.failed
    engines = [{one.source.name: one.plan.engine for one in batch.done} for batch in (here, there)]
    assert engines[0] == engines[1]
    return contents(tmp_path / "here"), contents(tmp_path / "there"), heard


@pytest.mark.slow
class TestOnRay:
    @pytest.fixture(autouse=True)
    def _running(self, address):
        self.address = address

    def test_a_folder_becomes_the_same_files(self, tmp_path):
        for k, shape in enumerate([(40, 50), (33, 21), (64, 64)]):
            draw(tmp_path / f"in/{k}.png", shape, seed=k)
        draw(tmp_path / "in/photo.jpg")
        Image.fromarray(np.dstack([fakes.picture(20, 30), np.full((20, 30), 99, np.uint8)])).save(
            tmp_path / "in/alpha.png"
        )
        here, there, heard = both_ways(tmp_path / "in", tmp_path, Settings(scale=2.5))
        assert len(here) == 5
        assert here == there
        assert [event.kind for event in heard].count("begin") == 5

    @pytest.mark.parametrize(
        ("shape", "asked"),
        [
            ((150, 61), {"tile": 32}),
            ((150, 61), {"tile": 32, "scale": 1.7}),  # resized here
            ((900, 40), {}),  # rows flow
        ],
    )
    def test_a_huge_picture_in_parts_becomes_the_same_file(self, shape, asked, tmp_path, monkeypatch):
        monkeypatch.setattr(cluster, "HUGE", 1000)
        monkeypatch.setattr(plan, "_LINES_COST", 0.01)
        draw(tmp_path / "in/a.png", shape)
        here, there, heard = both_ways(
            tmp_path / "in", tmp_path, Settings(**{"model": "clean-x2", "scale": 2, **asked})
        )
        assert here == there
        parts = [event.part for event in heard if event.kind == "progress"]
        assert len(parts) > 1
        assert parts[-1] == 1
        assert (heard[0].plan.lines is None) == ("tile" in asked)

    def test_pages_in_parts(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cluster, "HUGE", 1000)
        (tmp_path / "in").mkdir()
        first, second = (Image.fromarray(fakes.picture(70, 50, seed=seed)) for seed in (0, 1))
        first.save(tmp_path / "in/a.tif", save_all=True, append_images=[second])
        here, there, heard = both_ways(tmp_path / "in", tmp_path, Settings(model="clean-x2", scale=3, tile=32))
        assert heard[0].plan.frames == 2
        assert here == there

    def test_a_model_file_need_not_be_where_the_workers_are(self, tmp_path):
        shipped = Path(units.__file__).parent / "pretrained" / "clean-x2.safetensors"
        (tmp_path / "own.safetensors").write_bytes(shipped.read_bytes())
        settings = Settings(model=str(tmp_path / "own.safetensors"), scale=2)
        here, there, heard = both_ways(draw(tmp_path / "a.png"), tmp_path, settings)
        assert here == there
        assert heard[-1].result.plan.network.name == "own.safetensors"

    def test_errors_are_those_of_one_process(self, tmp_path):
        (tmp_path / "in").mkdir()
        whole = draw(tmp_path / "whole.png").read_bytes()
        (tmp_path / "in/cut.png").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "in/good.png").write_bytes(whole)
        settings = Settings(model="clean-x2", scale=2)
        here = run(expand([tmp_path / "in"], settings, output=tmp_path / "here"), settings)
        there = run(expand([tmp_path / "in"], settings, output=tmp_path / "there"), settings, on="ray")
        said = [
            [str(error).partition(" (")[0] for _, error in one.failed] for one in (here, there)
        ]  # libvips' words vary
        assert said == [[f"{tmp_path}/in/cut.png: cannot be read as PNG"]] * 2
        assert os.listdir(tmp_path / "there") == ["good_x2.png"]

    @pytest.mark.parametrize(("deaths", "ray_itself"), [(1, 1), (1, 0), (9, 0)])
    def test_a_killed_worker(self, deaths, ray_itself, tmp_path, monkeypatch):
        """Ray starts the unit anew; where it does not, it is sent anew; and in the end that is enough."""
        monkeypatch.setattr(cluster, "RETRIES", ray_itself)
        source, log = draw(tmp_path / "a.png"), tmp_path / "log"

        def fatal(order, content):
            from superres.runtime.units import picture_unit

            with log.open("a") as file:
                file.write("x")
            if len(log.read_text()) <= deaths:
                os.kill(os.getpid(), signal.SIGKILL)
            return picture_unit(order, content)

        monkeypatch.setattr(units, "picture_unit", fatal)
        settings = Settings(model="clean-x2", scale=2)
        summary = run(expand([source], settings, output=tmp_path / "out"), settings, on="ray")
        if deaths > cluster.SENDINGS:
            ((_, error),) = summary.failed
            assert type(error) is EngineUnavailable
            assert f"workers were lost {cluster.SENDINGS} times" in str(error)
            assert len(log.read_text()) == cluster.SENDINGS
            assert os.listdir(tmp_path / "out") == []
        else:
            assert summary.exit_status == 0
            assert len(log.read_text()) == deaths + 1
            assert any("workers were lost 1 time" in text for text in summary.done[0].warnings) == (not ray_itself)

    def test_finished_parts_and_pictures_are_not_done_again(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cluster, "HUGE", 1000)
        draw(tmp_path / "in/a.png", (300, 40))
        draw(tmp_path / "in/b.png", (20, 20), seed=1)

        def counted(log, fails_from):
            def unit(order, span, rows):
                from superres.runtime.units import rows_unit

                with log.open("a") as file:
                    file.write(f"{span.core_start}\n")
                if span.core_start > fails_from:
                    raise ValueError("broken for now")
                return rows_unit(order, span, rows)

            monkeypatch.setattr(units, "rows_unit", unit)

        counted(tmp_path / "first", 150)
        settings = Settings(model="clean-x2", scale=2, tile=24, resume=True)
        jobs = expand([tmp_path / "in"], settings, output=tmp_path / "out")
        first = run(jobs, settings, on="ray")
        assert [result.source.name for result in first.done] == ["b.png"]
        ((_, error),) = first.failed
        assert "a worker failed (ValueError: broken for now)" in str(error)
        assert not (tmp_path / "out/a_x2.png").exists()
        finished = {path.name for path in (tmp_path / "out/.superres-a_x2.png.parts").iterdir()}
        assert len(finished) > 2
        counted(tmp_path / "second", 999)
        second = run(jobs, settings, on="ray")
        assert [result.source.name for result in second.done] == ["a.png"]
        assert [job.source.name for job in second.skipped] == ["b.png"]
        begun, again = ((tmp_path / name).read_text().split() for name in ("first", "second"))
        assert len(again) == len(set(again))
        assert len(again) + len(finished) == len(set(again) | set(begun))
        assert sorted(os.listdir(tmp_path / "out")) == [".superres.json", "a_x2.png", "b_x2.png"]
        alone = run(expand([tmp_path / "in/a.png"], settings, output=tmp_path / "alone"), settings)
        assert alone.done[0].target.read_bytes() == (tmp_path / "out/a_x2.png").read_bytes()
        assert run(jobs, settings, on="ray").done == ()

    def test_a_stop_gives_up_what_is_on_its_way(self, tmp_path, monkeypatch):
        began, over = tmp_path / "began", tmp_path / "over"

        def endless(order, content):
            began.write_text("x")
            until = time.monotonic() + 60
            while not over.exists() and time.monotonic() < until:
                time.sleep(0.1)

        monkeypatch.setattr(units, "picture_unit", endless)
        settings, stop, seen = Settings(model="clean-x2", scale=2), threading.Event(), []

        def work():
            with cluster.connect("ray", settings, stop) as there:
                try:
                    quiet = {"on_plan": seen.append, "on_progress": seen.append, "on_learning": lambda *_: None}
                    opener = units.Opener()
                    there.upscale_file(draw(tmp_path / "a.png"), tmp_path / "b.png", settings, opener=opener, **quiet)
                except cluster.Stopped:
                    seen.append("stopped")

        thread = threading.Thread(target=work)
        thread.start()
        until = time.monotonic() + 60
        while not began.exists() and time.monotonic() < until:
            time.sleep(0.05)
        stop.set()
        thread.join(timeout=30)
        over.write_text("x")
        assert seen[-1] == "stopped"
        assert not (tmp_path / "b.png").exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
    def test_ctrl_c_stops_the_command(self, tmp_path):
        for k in range(2):
            draw(tmp_path / f"in/{k}.png", (1200, 1200), seed=k)
        words = ["upscale", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--on", "ray", "--model", "photo-x4"]
        environment = {**os.environ, "RAY_ADDRESS": self.address}
        work = subprocess.Popen([sys.executable, "-m", "superres", *words], stderr=subprocess.PIPE, env=environment)
        until = time.monotonic() + 60
        while not (tmp_path / "out").exists() and work.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        assert work.poll() is None, "the work was over before it could be stopped"
        work.send_signal(signal.SIGINT)
        _, said = work.communicate(timeout=60)
        assert work.returncode == 130, said
        assert said.decode() == "superres: stopped; no unfinished file is left\n"
        assert os.listdir(tmp_path / "out") == []
