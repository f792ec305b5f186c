"""The table of known sets, finding them, getting them safely, and checking them; nothing here asks a network."""

import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from drawn import folder_of, noise
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from superres.data import getting, sets
from superres.data.checking import check_set
from superres.data.getting import get_set, safe_name
from superres.data.leakage import leaks
from superres.data.patches import Patches
from superres.data.pictures import Pictures
from superres.data.sets import SETS, find_set, known_set
from superres.data.sub_images import SubImages
from superres.types import BadInput, BadOutput, BadRequest, SuperresError

SHARED = Path(__file__).parents[2] / "../shared/data"
WANTED = (
    "set5 set14 bsd100 urban100 manga109 general100 t91 bsds div2k flickr2k realsr drealsr city100 sr-raw textzoom "
    "super imagepairs"
)


def png(seed: int = 0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise(12, 12, seed)).save(file, "PNG")
    return file.getvalue()


FIVE = {f"Set5/image_{k}.png": png(k) for k in range(5)}


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes], *, link: str | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo("Set5/link.png")
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return path


def test_the_table_is_whole_and_consistent() -> None:
    assert sorted(SETS) == sorted(WANTED.split())
    folders = [folder for known in SETS.values() for folder in known.folders]
    assert len(set(folders)) == len(folders)
    for known in SETS.values():
        assert known.source.startswith("http")
        assert all((known.title, known.paper, known.licence, known.protocol))
        assert known.download is None or known.download.startswith("https://")
        assert known.sha256 is None or len(bytes.fromhex(known.sha256)) == 32
    assert {name for name, known in SETS.items() if known.role == "test"} == {
        "set5", "set14", "bsd100", "urban100", "manga109",
    }  # fmt: skip
    assert known_set("supER") is SETS["super"]
    with pytest.raises(BadRequest, match="did you mean set14"):
        known_set("set144")


@pytest.mark.parametrize("place", ["Set5", "set5", "benchmarks/Set5", "Set5/HR", "train/Set5/GT"])
def test_a_set_is_found_wherever_it_usually_lies(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / place, [(12, 12)])
    assert find_set("set5", tmp_path).samefile(folder)
    monkeypatch.setenv("SUPERRES_DATA", str(tmp_path))
    assert find_set("SET5", None).samefile(folder)


def test_what_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"Set5 is not under .*put its pictures into .*Set5, or see `superres data get"):
        find_set("set5", tmp_path)
    with pytest.raises(BadInput, match="no such folder; --data-root"):
        find_set("set5", tmp_path / "nothing")
    with pytest.raises(BadInput, match="SUPERRES_DATA"):
        find_set("set5", None)


@pytest.mark.parametrize("kind", ["zip", "tar", "folder"])
def test_a_local_copy_is_taken_whole(tmp_path: Path, kind: str) -> None:
    members = {**FIVE, "Set5/readme.txt": b"about", "__MACOSX/Set5/._image_0.png": b"junk", "Set5/.hidden.png": b"x"}
    if kind == "folder":
        for name, content in members.items():
            (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "copy" / name).write_bytes(content)
        given_ = tmp_path / "copy"
    else:
        given_ = (zipped if kind == "zip" else tarred)(tmp_path / "copy.bin", members)
    root = tmp_path / "root"
    folder = get_set("set5", root, given=str(given_))
    assert folder == root / "Set5" == find_set("set5", root)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name.split("/")[1]: content for name, content in FIVE.items()
    }
    assert list(root.iterdir()) == [folder]
    found = check_set("set5", root)
    assert (found.pictures, found.known, found.sound) == (5, 0, True)
    with pytest.raises(BadRequest, match="is there already"):
        get_set("set5", root, given=str(given_))


def test_only_what_belongs_to_the_set_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETS, "bsds", replace(SETS["bsds"], count=2))
    monkeypatch.setitem(SETS, "bsd100", replace(SETS["bsd100"], count=1))
    base = "BSR/BSDS500/data/"
    members = {base + f"images/{part}/{k}.jpg": png() for k, part in enumerate(("train", "test", "val"))}
    archive = tarred(tmp_path / "x.tgz", {**members, base + "groundTruth/train/0.mat": b"m", "BSR/bench/9.jpg": png()})
    assert sorted(p.name for p in get_set("bsds", tmp_path / "r", given=str(archive)).iterdir()) == ["0.jpg", "1.jpg"]
    assert [p.name for p in get_set("bsd100", tmp_path / "r", given=str(archive)).iterdir()] == ["2.jpg"]


def test_sets_of_pairs_keep_their_folders(tmp_path: Path) -> None:
    members = {"RealSR/Canon/Train/4/Canon_001_HR.png": png(), "RealSR/Nikon/Train/4/Nikon_001_LR4.png": png()}
    folder = get_set("realsr", tmp_path / "root", given=str(zipped(tmp_path / "x.zip", members)))
    assert (folder / "Canon/Train/4/Canon_001_HR.png").is_file()
    assert (folder / "Nikon/Train/4/Nikon_001_LR4.png").is_file()


def refused(tmp_path: Path, archive: Path, message: str) -> None:
    root = tmp_path / "root"
    with pytest.raises(SuperresError, match=message) as error:
        get_set("set5", root, given=str(archive))
    assert "\n" not in str(error.value)
    assert list(root.iterdir()) == []
    assert not (tmp_path / "evil.png").exists()


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "Set5/../../evil.png", "..\\evil.png", "C:\\evil.png"])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_nothing_leads_out_of_the_folder(tmp_path: Path, name: str, make: object) -> None:
    refused(tmp_path, make(tmp_path / "x", {**FIVE, name: png()}), "lead out of its folder")  # type: ignore[operator]


@given(name=st.text(st.sampled_from("./\\:aC~ \0"), max_size=12))
def test_a_safe_name_stays_inside_whatever_it_is(name: str) -> None:
    try:
        path = safe_name(name)
    except BadInput:
        return
    assert (Path("/somewhere/inside") / path).resolve().is_relative_to("/somewhere/inside")


def test_links_are_left_out(tmp_path: Path) -> None:
    folder = get_set("set5", tmp_path / "root", given=str(tarred(tmp_path / "x", FIVE, link="/etc/passwd")))
    assert len(list(folder.iterdir())) == 5
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, content in FIVE.items():
            archive.writestr(name, content)
        link = zipfile.ZipInfo("Set5/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    folder = get_set("set5", tmp_path / "other", given=str(tmp_path / "x.zip"))
    assert len(list(folder.iterdir())) == 5


def test_too_much_too_few_and_damaged_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    four = dict(list(FIVE.items())[:4])
    refused(tmp_path, zipped(tmp_path / "four", four), "4 pictures were found and Set5 has 5")
    refused(tmp_path, zipped(tmp_path / "none", {"a.txt": b"x"}), "holds no picture of Set5")
    refused(tmp_path, zipped(tmp_path / "two", {**FIVE, "other/IMAGE_0.png": png()}), "two pictures called IMAGE_0.png")
    refused(tmp_path, tmp_path / "nowhere", "no such file or folder")
    (tmp_path / "text").write_text("no archive")
    refused(tmp_path, tmp_path / "text", "neither a zip nor a tar")
    whole = tarred(tmp_path / "whole", {**FIVE, "z.png": bytes(range(256)) * 400}).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, tmp_path / "cut", "damaged|neither")
    lying = bytearray(zipped(tmp_path / "lie", FIVE).read_bytes())
    lying[60] ^= 255  # inside the first picture: its CRC no longer fits
    (tmp_path / "lie").write_bytes(bytes(lying))
    refused(tmp_path, tmp_path / "lie", "damaged")
    monkeypatch.setattr(getting, "MAX_BYTES", 100)
    refused(tmp_path, zipped(tmp_path / "large", FIVE), "would unpack to 5 files")


def test_without_an_official_address_the_place_to_get_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"get it at https://github.com/jbhuang0604/SelfExSR .*--from"):
        get_set("urban100", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises((BadOutput, BadInput)):
        get_set("set5", tmp_path / "file" / "root", given="x")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    site = tmp_path / "site"
    site.mkdir()
    zipped(site / "set.zip", FIVE)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **rest: object) -> None:
            super().__init__(*args, directory=str(site), **rest)  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_an_address_is_fetched_only_when_it_is_asked_for(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(list(get_set("set5", tmp_path / "a", given=f"{server}/set.zip").iterdir())) == 5
    with pytest.raises(BadInput, match=r"404.*a local copy is the only way.*--from FILE"):
        get_set("set5", tmp_path / "b", given=f"{server}/none.zip")
    with pytest.raises(BadRequest, match="no http or https"):
        get_set("set5", tmp_path / "b", given="ftp://127.0.0.1/set.zip")
    digest = getting.hashlib.sha256((tmp_path / "site/set.zip").read_bytes()).hexdigest()
    official = replace(SETS["set5"], download=f"{server}/set.zip", sha256=digest)
    monkeypatch.setitem(SETS, "set5", official)
    assert get_set("set5", tmp_path / "c").is_dir()
    monkeypatch.setitem(SETS, "set5", replace(official, sha256="0" * 64))
    with pytest.raises(BadInput, match=r"SHA-256 .* 0000000000000000\.\.\. was wanted; nothing was unpacked"):
        get_set("set5", tmp_path / "b")
    with pytest.raises(BadInput, match="nothing was unpacked"):  # a local file of the official name is held to it too
        get_set("set5", tmp_path / "b", given=str(tmp_path / "site/set.zip"))
    assert list((tmp_path / "b").iterdir()) == []


def test_a_check_names_what_is_broken(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "Set5", [(12, 12)] * 5)
    (folder / "p3.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    found = check_set("set5", tmp_path)
    assert not found.sound
    assert len(found.broken) == 1
    assert "p3.png" in found.broken[0]


def test_nothing_is_trained_on_a_test_set_by_name(tmp_path: Path) -> None:
    folder_of(tmp_path / "Set5", [(40, 40)])
    folder_of(tmp_path / "T91", [(40, 40)])
    for source in (Patches, SubImages):
        with pytest.raises(BadRequest, match="Set5 is a test set; nothing may be trained on it"):
            source("set5", scale=2, root=tmp_path)
    assert Patches("t91", scale=2, patch=8, root=tmp_path).facts()["pictures"] == 1
    folder_of(tmp_path / "mine", [(40, 40), (41, 41)])
    several = Patches(("t91", str(tmp_path / "mine")), scale=2, patch=8, root=tmp_path)
    assert several.hr.names == ("T91/p0.png", "mine/p0.png", "mine/p1.png")


def test_nothing_is_trained_on_a_test_picture_whatever_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from superres.data import leakage

    folder = folder_of(tmp_path / "mine", [(40, 40), (41, 41)])
    prints = Pictures(folder).fingerprints
    monkeypatch.setattr(leakage, "TEST_PICTURES", {prints[1][:16]: "set14"})
    with pytest.raises(BadRequest, match=r"p1.png of .*mine is a picture of the test set Set14"):
        Patches(folder, scale=2, patch=8)


@pytest.mark.skipif(not SHARED.exists(), reason="the benchmark pictures are not beside this clone")
@pytest.mark.parametrize("name", ["set5", "set14"])
def test_the_benchmarks_are_on_record_sample_for_sample(name: str) -> None:
    found = check_set(name, SHARED)
    assert found.sound
    assert found.known == found.pictures == SETS[name].count
    with pytest.raises(BadRequest, match=f"a picture of the test set {SETS[name].title}"):
        Patches(find_set(name, SHARED), scale=2, patch=16)


def test_leaks_are_found_in_other_formats_sizes_and_turns(tmp_path: Path) -> None:
    from superres.images.resize import imresize

    def smooth(seed: int) -> "Image.Image":
        return Image.fromarray(imresize(noise(6, 8, seed), size=(90, 120)))

    for name in ("train", "test"):
        (tmp_path / name).mkdir()
    for k in range(4):
        smooth(k).save(tmp_path / "test" / f"t{k}.png")
    smooth(0).save(tmp_path / "train" / "same.bmp")
    smooth(1).save(tmp_path / "train" / "coded.jpg", quality=85)
    smooth(2).resize((60, 45), Image.Resampling.BICUBIC).transpose(Image.Transpose.ROTATE_90).save(
        tmp_path / "train" / "turned.png"
    )
    for k in range(10, 20):
        smooth(k).save(tmp_path / "train" / f"other{k}.png")
    found = {
        leak.training: (leak.test, leak.same)
        for leak in leaks(Pictures(tmp_path / "train"), Pictures(tmp_path / "test"))
    }
    assert found == {"same.bmp": ("t0.png", True), "coded.jpg": ("t1.png", False), "turned.png": ("t2.png", False)}


def test_the_set_of_pictures_is_light(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, superres.data.sets, superres.cli.data; print({'torch', 'numpy', 'PIL'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
    assert sets.__doc__
