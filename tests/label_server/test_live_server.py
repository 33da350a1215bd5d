"""The server itself, with every method, as its clients use it: `make test-label`.

It runs where MONAI Label is installed, in an environment of its own, and is left out elsewhere.
"""

from __future__ import annotations

import io
import json
import re
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from small_sam import save_small_sam

from common.sample import make_image, write_sample

pytest.importorskip("monailabel", reason="MONAI Label's server has its own environment: make test-label")
import psutil
import requests
from live_label_server import ROOT, Server, bundle_run, started

FLUORESCENCE, HE = ("logsage", "resnet18_unet", "channelnet_cellvit"), ("eunet3plus", "cascaded_unet")
WITH_SAM = "eunet3plus_sam"
METHODS = (*FLUORESCENCE, *HE, WITH_SAM)
IMAGES = {"fluorescence": FLUORESCENCE, "he": (*HE, WITH_SAM)}
# One epoch of two steps: weights that no one trained are enough to compare two ways through the same code.
SHORT = {"epochs": 1, "steps_per_epoch": 2, "batch_size": 2, "crop_px": 64, "warmup_epochs": 0}
BROKEN = "broken_bundle"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("label")


@pytest.fixture(scope="session")
def sam(folder: Path) -> Path | None:
    pytest.importorskip("transformers")
    return save_small_sam(folder / "small_sam", seed=1)


@pytest.fixture(scope="session")
def studies(folder: Path) -> Path:
    place = folder / "studies"
    place.mkdir()
    pixels = make_image("fluorescence", (96, 160), seed=3)[0]
    Image.fromarray(np.squeeze(pixels)).save(place / "fluorescence.png")
    pixels = make_image("multiplex", (128, 96), seed=4)[0]
    tifffile.imwrite(
        place / "multiplex.ome.tif", pixels,
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "CD3", "CD8"]}},
    )  # fmt: skip
    pixels = make_image("he", (96, 160), seed=5)[0]
    rows = pixels if pixels.shape[-1] == 3 else pixels.transpose(1, 2, 0)
    tifffile.imwrite(place / "he.tif", np.ascontiguousarray(rows), photometric="rgb")
    return place


@pytest.fixture(scope="session")
def runs(folder: Path, sam: Path) -> Path:
    """Train each method for one epoch, where no weights are released."""
    data = {
        kind: write_sample(folder / f"sample_{kind}", modality=kind, counts=(4, 1, 1), shape=(128, 128))
        for kind in IMAGES
    }
    place = folder / "runs"
    for kind, bundles in IMAGES.items():
        for bundle in bundles:
            if (ROOT / "bundles" / bundle / "models" / "model.pt").is_file():
                continue
            more = {"sam_weights": sam} if bundle == WITH_SAM else {}
            config = f"bundles/{bundle}/configs/train.json"
            bundle_run(
                config,
                "training",
                dataset_dir=data[kind],
                ckpt_dir=place / bundle,
                mlflow=False,
                **SHORT,
                **more,
            )
    return place


@pytest.fixture(scope="session")
def server(folder: Path, studies: Path, runs: Path, sam: Path) -> Iterator[Server]:
    # A bundle whose code cannot be imported, among the others.
    broken = folder / "app" / "model" / BROKEN
    (broken / "configs").mkdir(parents=True)
    (broken / BROKEN).mkdir()
    (broken / "models").mkdir()
    (broken / "models" / "model.pt").write_bytes(b"none")
    (broken / BROKEN / "__init__.py").write_text("import a_package_that_is_not_there")
    for name in ("metadata", "inference"):
        (broken / "configs" / f"{name}.json").write_text('{"description": "-", "version": "1"}')
    (folder / "app" / "main.py").write_text("")
    where = {"studies": studies, "runs": runs, "sam_weights": sam, "upload_mb": 4}
    with started(folder, bundles=",".join(METHODS), **where) as server:
        yield server


def test_info_names_every_method_and_the_bundle_that_cannot_be_loaded(server: Server) -> None:
    told = server.get("/info/").json()
    assert set(told["models"]) == set(METHODS) == set(told["trainers"])
    assert all(model["labels"] == {"nucleus": 1} for model in told["models"].values())
    assert set(told["faults"]) == {BROKEN} and "a_package_that_is_not_there" in told["faults"][BROKEN]
    assert told["datastore"]["total"] == 3


def test_its_page_needs_nothing_of_the_network(server: Server) -> None:
    page = server.get("/")
    assert page.status_code == 200 and "swagger-ui" in page.text
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) >= 3 and all(server.get(file).status_code == 200 for file in files)
    assert server.get("/openapi.json").json()["openapi"].startswith("3.0")


def image_of(method: str) -> str:
    if method == "channelnet_cellvit":
        return "multiplex"
    return "he" if method in IMAGES["he"] else "fluorescence"


@pytest.mark.parametrize("method", METHODS)
def test_labels_are_those_of_the_bundles_own_command_pixel_by_pixel(
    server: Server, method: str, studies: Path, runs: Path, sam: Path
) -> None:
    image = image_of(method)
    one = server.folder / f"images_{method}"
    one.mkdir()
    file = next(studies.glob(f"{image}.*"))
    (one / file.name).write_bytes(file.read_bytes())
    own, out = runs / method / "model.pt", server.folder / f"segmented_{method}"
    more = {"weights": own} if own.is_file() else {}
    more |= {"sam_weights": sam} if method == WITH_SAM else {}
    bundle_run(f"bundles/{method}/configs/inference.json", dataset_dir=one, output_dir=out, **more)
    expected = tifffile.imread(next(out.glob("*.tif")))
    found = server.labels(method, image)
    assert found.shape == expected.shape == tifffile.imread(next(out.glob("*.tif"))).shape
    assert np.array_equal(found, expected)
    if method == "logsage":
        assert found.max() > 10


def test_masks_come_in_the_formats_of_the_clients(server: Server) -> None:
    expected = server.labels("logsage", "fluorescence")
    png = server.infer("logsage", "fluorescence")  # as the image is
    assert png.headers["content-type"] == "image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png.content))), expected)
    nrrd = pytest.importorskip("nrrd")
    for suffix in (".nrrd", ".nii.gz"):
        file = server.folder / f"mask{suffix}"
        file.write_bytes(server.infer("logsage", "fluorescence", result_extension=suffix).content)
        if suffix == ".nrrd":
            stored = nrrd.read(str(file))[0]
        else:
            import nibabel

            stored = np.asanyarray(nibabel.load(file).dataobj)
        assert np.array_equal(stored[..., 0].T, expected)
    outlines = server.infer("logsage", "fluorescence", result_extension=".geojson").json()
    assert len(outlines["features"]) == len(np.unique(expected)) - 1


@pytest.mark.parametrize("output", ["asap", "dsa", "json"])
def test_polygons_of_a_region_lie_in_the_image(server: Server, output: str) -> None:
    region = {"location": [40, 16], "size": [80, 64]}
    answer = requests.post(
        f"{server.url}/infer/wsi_v2/logsage", params={"image": "fluorescence", "output": output},
        data={"wsi": json.dumps(region)}, timeout=60,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    if output == "asap":
        points = np.array(re.findall(r' X="(\d+)" Y="(\d+)" />', answer.text), float)
        count = answer.text.count("<Annotation Name=")
    elif output == "dsa":
        elements = answer.json()["elements"]
        points = np.concatenate([np.array(each["points"])[:, :2] for each in elements])
        count = len(elements)
    else:
        contours = answer.json()["annotations"][0]["annotation"]["elements"][0]["contours"]
        points, count = np.concatenate([np.array(each) for each in contours]), len(contours)
    assert count >= 5
    assert np.all(points.min(axis=0) >= [40, 16]) and np.all(points.max(axis=0) <= [120, 80])


def test_an_image_that_is_sent_is_segmented_and_forgotten(server: Server, studies: Path) -> None:
    answer = requests.post(
        f"{server.url}/infer/logsage", params={"output": "image"},
        files={"file": ("mine.png", (studies / "fluorescence.png").read_bytes())}, timeout=60,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    labels = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert np.array_equal(labels, server.labels("logsage", "fluorescence"))
    assert server.get("/info/").json()["datastore"]["total"] == 3


def test_the_image_that_the_network_is_least_sure_of_comes_first(server: Server, studies: Path) -> None:
    pixels = np.asarray(Image.open(studies / "fluorescence.png")).astype(float)
    noisy = np.random.default_rng(0).poisson(pixels / pixels.max() * 3).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy * 20).save(file, format="PNG")
    sent = requests.put(
        f"{server.url}/datastore/image", params={"image": "spoilt"},
        files={"file": ("spoilt.png", file.getvalue())}, timeout=60,
    )  # fmt: skip
    assert sent.status_code == 200, sent.text
    found = requests.post(
        f"{server.url}/activelearning/uncertain", json={"model": "logsage"}, timeout=120
    ).json()
    assert found["id"] == "spoilt" and found["uncertainty"] > 0


BAD = {
    "an unknown image": ("post", "/infer/logsage?image=nothing", {}, 404, "no image 'nothing'"),
    "an unknown model": ("post", "/infer/logsag?image=fluorescence", {}, 404, "logsage"),
    "a bundle that is broken": ("post", f"/infer/{BROKEN}?image=he", {}, 404, "is not served"),
    "channels that do not fit": ("post", "/infer/eunet3plus?image=fluorescence", {}, 400, "channel"),
    "a file outside the studies": ("post", "/infer/logsage?image=/etc/hostname", {}, 404, "no image"),
    "a way out of the studies": ("post", "/infer/logsage?image=../app/main.py", {}, 404, "no image"),
    "parameters that are no JSON": (
        *("post", "/infer/logsage?image=he"),
        *({"data": {"params": "{"}}, 400, "no JSON"),
    ),
    "a region outside the image": (
        *("post", "/infer/wsi_v2/logsage?image=fluorescence"),
        *({"data": {"wsi": '{"location": [900, 900], "size": [9, 9]}'}}, 400, "lies outside"),
    ),
    "an unknown format": (
        *("post", "/infer/logsage?image=fluorescence"),
        *({"data": {"params": '{"result_extension": ".gif"}'}}, 400, "result_extension"),
    ),
    "unknown weights": (
        *("post", "/infer/logsage?image=fluorescence"),
        *({"data": {"params": '{"weights": "yesterday"}'}}, 404, "no weights 'yesterday'"),
    ),
    "nothing to segment": ("post", "/infer/logsage", {}, 400, "Neither Image nor File"),
    "a corrupted upload": (
        *("post", "/infer/logsage"),
        *({"files": {"file": ("a.png", b"\x89PNG no more")}}, 400, "the file that was sent"),
    ),
    "a corrupted label": (
        *("put", "/datastore/label?image=fluorescence"),
        *({"files": {"label": ("a.tif", b"II*")}}, 400, "the file that was sent"),
    ),
    "a label of another image's shape": (
        *("put", "/datastore/label?image=multiplex"),
        *({"files": {"label": ("a.png", b"PNG of 9 x 9")}}, 400, "9 x 9 px"),
    ),
    "a label of no image": (
        *("put", "/datastore/label?image=nothing"),
        *({"files": {"label": ("a.png", b"PNG of 9 x 9")}}, 404, "no image"),
    ),
    "a tag that is a path": (
        *("put", "/datastore/label?image=he&tag=../../up"),
        *({"files": {"label": ("a.png", b"PNG of 9 x 9")}}, 400, "no plain name"),
    ),
    "an image's name that is a path": (
        *("put", "/datastore/image?image=../up"),
        *({"files": {"file": ("a.png", b"PNG of 9 x 9")}}, 400, "no plain name"),
    ),
    "an upload beyond the limit": (
        *("post", "/infer/logsage"),
        *({"files": {"file": ("a.png", bytes(5 << 20))}}, 413, "larger than 4 MB"),
    ),
    "weights that are sent": (
        *("put", "/model/logsage"),
        *({"files": {"file": ("a.pt", b"")}}, 403, "neither taken nor removed"),
    ),
    "a training without labels": ("post", "/train/logsage", {}, 400, "no image has a corrected label"),
    "a training of an unknown model": ("post", "/train/nothing", {}, 404, "no model 'nothing'"),
    "an unknown strategy": ("post", "/activelearning/nothing", {}, 400, "nothing"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_done_is_said_and_the_server_goes_on(server: Server, what: str) -> None:
    method, path, sent, status, said = BAD[what]
    if "9 x 9" in str(sent):
        file = io.BytesIO()
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(file, format="PNG")
        sent = {"files": {key: (name, file.getvalue()) for key, (name, _) in sent["files"].items()}}
    answer = requests.request(method, f"{server.url}{path}", timeout=60, **sent)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"] and "/tmp" not in answer.json()["detail"]
    assert server.get("/info/").status_code == 200


def test_an_image_that_was_sent_before_is_segmented_as_one_of_the_studies(
    server: Server, studies: Path
) -> None:
    sent = {"files": ("a.png", (studies / "fluorescence.png").read_bytes())}
    session = requests.put(f"{server.url}/session/", files=sent, timeout=60).json()["session_id"]
    answer = requests.post(
        f"{server.url}/infer/logsage", params={"session_id": session, "output": "image"},
        data={"params": json.dumps({"result_extension": ".tif"})}, timeout=300,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    labels = tifffile.imread(io.BytesIO(answer.content))
    assert np.array_equal(labels, server.labels("logsage", "fluorescence"))


def test_files_of_other_programs_are_neither_opened_nor_removed(server: Server) -> None:
    with tempfile.NamedTemporaryFile(prefix="tmp", suffix=".png") as other:
        answer = requests.post(f"{server.url}/infer/logsage", params={"image": other.name}, timeout=60)
        assert answer.status_code == 404 and Path(other.name).is_file()


def test_an_upload_in_pieces_ends_at_the_limit(server: Server) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    pieces = iter([head, *[bytes(1 << 20)] * 8, b"\r\n--x--\r\n"])  # so its length is not told
    try:
        answer = requests.post(
            f"{server.url}/infer/logsage", data=pieces, timeout=60,
            headers={"content-type": "multipart/form-data; boundary=x"},
        )  # fmt: skip
        assert answer.status_code == 413 and "larger than 4 MB" in answer.json()["detail"]
    except requests.ConnectionError:
        pass  # hung up on in the middle, which ends it as well
    assert server.get("/info/").status_code == 200


def test_two_clients_at_once_get_what_each_of_them_asked_for(server: Server) -> None:
    asked = [("logsage", "fluorescence"), ("eunet3plus", "he")] * 3
    expected = {pair: server.labels(*pair) for pair in set(asked)}
    with ThreadPoolExecutor(len(asked)) as clients:
        found = list(clients.map(lambda pair: server.labels(*pair), asked))
    assert all(np.array_equal(labels, expected[pair]) for pair, labels in zip(asked, found, strict=True))


def test_memory_does_not_grow_over_200_requests(server: Server) -> None:
    process, sizes, files = psutil.Process(server.process.pid), [], []
    for number in range(240):
        if number % 3 == 2:
            assert server.infer("logsage", "nothing").status_code == 404
        else:
            server.labels("resnet18_unet", "fluorescence")
        sizes.append(process.memory_info().rss / 2**20)
        files.append(process.num_fds())
    grown = np.median(sizes[-20:]) - np.median(sizes[30:50])  # over the 190 requests between
    assert grown < 25, f"{grown:.0f} MB more after {len(sizes)} requests"
    assert np.median(files[-20:]) - np.median(files[30:50]) < 10, "files stay open"


def test_a_corrected_label_trains_the_bundle_which_then_segments_with_what_it_learnt(server: Server) -> None:
    before = server.labels("logsage", "fluorescence")
    # As a person would: a nucleus is taken away, another is added.
    corrected = np.where(before == before.max(), 0, before)
    corrected[2:12, 2:12] = before.max() + 7
    assert server.submit("fluorescence", corrected.astype(np.uint16)).status_code == 200
    kept = server.get("/datastore/label", label="fluorescence", tag="final")
    assert np.array_equal(tifffile.imread(io.BytesIO(kept.content)), corrected)
    server.train("logsage", max_epochs=1, steps_per_epoch=2, train_batch_size=2)
    told = server.get("/info/").json()
    newest, *_, packed = told["models"]["logsage"]["config"]["weights"]
    assert packed == "packed" and told["train_stats"]["logsage"]["weights"] == newest != packed
    assert told["train_stats"]["logsage"]["images"] == 1
    assert 0 <= told["train_stats"]["logsage"]["best_metric"] <= 1
    assert not np.array_equal(server.labels("logsage", "fluorescence"), before)
    assert np.array_equal(server.labels("logsage", "fluorescence", weights="packed"), before)
    assert (server.folder / "mlruns.db").is_file()


def test_it_stops_cleanly(server: Server) -> None:
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=30) in (0, -signal.SIGINT)
    with pytest.raises(requests.ConnectionError):
        server.get("/info/")
