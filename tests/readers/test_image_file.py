"""Every format gives back the image that was written, the right way up, with its names and its pixel size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import nibabel
import numpy as np
import pytest
import tifffile
from monai.transforms import Compose, LoadImaged, Transposed
from PIL import Image

from common.files import stem_of
from common.readers import probe, read_image

HEIGHT, WIDTH = 24, 40


def asymmetric(channels: int, dtype: str) -> np.ndarray:
    """No flip, transposition or exchange of channels leaves this image as it is."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([3 * rows + columns + 40 * channel for channel in range(channels)])
    if np.dtype(dtype).itemsize > 1:
        image = image * 200 + 1  # needs more than 8 bits
    return (image / 7 if dtype.startswith("float") else image).astype(dtype)


def pillow(path: Path, image: np.ndarray) -> None:
    Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(path)


def png(path: Path, image: np.ndarray) -> None:
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(image.transpose(1, 2, 0).squeeze())))


def tiff(**options: object) -> Callable[[Path, np.ndarray], None]:
    return lambda path, image: tifffile.imwrite(path, image.squeeze(), photometric="minisblack", **options)


def tiff_interleaved(**options: object) -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, image: np.ndarray) -> None:
        colours = {"photometric": "rgb"} if len(image) == 3 else {}
        tifffile.imwrite(path, image.transpose(1, 2, 0), **colours, **options)

    return write


def tiff_planar(path: Path, image: np.ndarray) -> None:
    # What tifffile.imwrite(path, image) does with 3 or 4 channels, though they need not be colours.
    tifffile.imwrite(path, image, photometric="rgb", planarconfig="separate")


def tiff_pages(path: Path, image: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as writer:
        for plane in image:
            writer.write(plane)


def tiff_pages_bare(path: Path, image: np.ndarray) -> None:
    with tifffile.TiffWriter(path) as writer:
        for plane in image:
            writer.write(plane, metadata=None)


def tiff_pages_pillow(path: Path, image: np.ndarray) -> None:
    pages = [Image.fromarray(plane) for plane in image]
    pages[0].save(path, save_all=True, append_images=pages[1:])


def pyramid(path: Path, image: np.ndarray) -> None:
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(image, subifds=1, tile=(16, 16), metadata={"axes": "CYX"}, photometric="minisblack")
        writer.write(image[:, ::2, ::2], subfiletype=1, tile=(16, 16), photometric="minisblack")


def nifti(path: Path, image: np.ndarray) -> None:
    stored = image.transpose(2, 1, 0)
    stored = stored[..., 0] if len(image) == 1 else stored[:, :, None, :]
    nibabel.save(nibabel.Nifti1Image(stored, np.eye(4)), path)


GREY8, GREY16 = (1, "uint8"), (1, "uint16")
CASES = [
    ("x.png", pillow, GREY8),
    ("x.png", pillow, (3, "uint8")),
    ("x.png", png, GREY16),
    ("x.png", png, (3, "uint16")),
    ("x.jpg", pillow, GREY8),
    ("x.jpeg", pillow, (3, "uint8")),
    ("x.bmp", pillow, GREY8),
    ("x.bmp", pillow, (3, "uint8")),
    *(
        ("x.tif", tiff(), (channels, dtype))
        for channels in (1, 2, 3, 5)
        for dtype in ("uint8", "uint16", "float32")
    ),
    *(("x.tif", tiff(), (1, dtype)) for dtype in ("int16", "int32", "uint32", "float16", "float64")),
    *(
        ("x.tiff", tiff(compression=name), (2, "uint16"))
        for name in ("lzw", "deflate", "zstd", "packbits", "lzma")
    ),
    ("x.tif", tiff_interleaved(compression="lzw", predictor=True), (3, "uint16")),
    ("x.tif", tiff_interleaved(compression="jpeg"), (3, "uint8")),
    ("x.tif", tiff_interleaved(), (3, "float32")),
    ("x.tif", tiff_interleaved(), (2, "uint16")),
    ("x.tif", tiff_interleaved(), (5, "float32")),
    ("x.tif", tiff(byteorder=">"), (2, "uint16")),
    ("x.tif", tiff(tile=(16, 16)), (2, "uint8")),
    ("x.tif", tiff(bigtiff=True), GREY16),
    ("x.tif", tiff_planar, (3, "uint8")),
    ("x.tif", tiff_planar, (4, "uint8")),
    ("x.tif", tiff_pages, (4, "uint8")),
    ("x.tif", tiff_pages_bare, (4, "uint16")),
    ("x.tif", tiff_pages_pillow, (3, "uint8")),
    ("x.tif", tiff(imagej=True), GREY16),
    ("x.tif", tiff(imagej=True, metadata={"axes": "CYX"}), (3, "float32")),
    ("x.ome.tif", tiff(metadata={"axes": "CYX"}), (5, "uint16")),
    ("x.ome.tif", tiff_interleaved(), (3, "uint8")),
    ("x.ome.tiff", pyramid, (4, "uint16")),
    ("x.nii", nifti, GREY16),
    ("x.nii.gz", nifti, (3, "float32")),
    ("x.nii.gz", nifti, (1, "int32")),
]


@pytest.mark.parametrize(("name", "write", "kind"), CASES)
def test_image_through_loadimaged_comes_back_the_right_way_up(
    tmp_path: Path, name: str, write: Callable[[Path, np.ndarray], None], kind: tuple[int, str]
) -> None:
    image, path = asymmetric(*kind), tmp_path / name
    write(path, image)

    header, read = probe(path), read_image(path)
    assert header.shape == read.pixels.shape == image.shape
    assert header.dtype == read.pixels.dtype == image.dtype
    assert header.channel_names == read.channel_names and len(read.channel_names) == kind[0]

    load = LoadImaged(keys="image", reader="common.readers.MicroscopyReader", ensure_channel_first=True)
    loaded = Compose([load, Transposed(keys="image", indices=(0, 2, 1))])({"image": str(path)})["image"]
    tolerance = 12 if path.suffix in (".jpg", ".jpeg") or "jpeg" in repr(tifffile_compression(path)) else 0
    for result in (read.pixels, loaded.numpy()):
        np.testing.assert_allclose(result.astype(float), image.astype(float), atol=tolerance)


def tifffile_compression(path: Path) -> str:
    if path.suffix not in (".tif", ".tiff"):
        return ""
    with tifffile.TiffFile(path) as tif:
        return tif.pages[0].compression.name.lower()


@pytest.mark.parametrize(
    ("name", "mode"), [("x.png", "RGBA"), ("x.png", "LA"), ("x.tif", "RGBA"), ("x.png", "16")]
)
def test_alpha_is_dropped(tmp_path: Path, name: str, mode: str) -> None:
    path = tmp_path / name
    colours = asymmetric(3, "uint8").transpose(1, 2, 0)
    alpha = np.full((HEIGHT, WIDTH, 1), 9, np.uint8)
    if mode == "16":
        deep = np.ascontiguousarray(np.concatenate([colours, alpha], axis=2), np.uint16) * 257
        path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(deep)))
        expected = colours.astype(np.uint16) * 257
    else:
        expected = colours if mode == "RGBA" else colours[..., :1]
        Image.fromarray(np.concatenate([expected, alpha], axis=2)).save(path)
    image = read_image(path)
    assert (image.pixels == expected.transpose(2, 0, 1)).all()
    assert image.is_rgb == (expected.shape[2] == 3)


@pytest.mark.parametrize("name", ["x.png", "x.bmp", "x.tif"])
def test_colour_tables_are_looked_up_in_pictures(tmp_path: Path, name: str) -> None:
    indices = asymmetric(1, "uint8")[0] % 7
    table = np.arange(256)[:, None] * np.array([1, 3, 5]) % 251
    picture = Image.fromarray(indices)
    picture.putpalette(table.astype(np.uint8).tobytes())
    picture.save(tmp_path / name)
    image = read_image(tmp_path / name)
    assert (image.pixels == table[indices].transpose(2, 0, 1)).all()
    assert probe(tmp_path / name).shape == image.pixels.shape


def test_brighter_is_larger_where_white_is_zero(tmp_path: Path) -> None:
    image = asymmetric(1, "uint8")[0]
    tifffile.imwrite(tmp_path / "x.tif", image, photometric="miniswhite")
    assert (read_image(tmp_path / "x.tif").pixels[0] == 255 - image).all()


def test_values_that_are_not_finite_become_the_lowest_of_their_channel(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image = asymmetric(2, "float32") / 100 - np.array([1, 3], np.float32)[:, None, None]
    lowest = image[:, 1:].min(axis=(1, 2))
    image[:, 0], image[0, 0, 1], image[0, 0, 2] = np.nan, np.inf, -np.inf
    tiff(metadata={"axes": "CYX"})(tmp_path / "x.tif", image)
    for _ in range(2):
        pixels = read_image(tmp_path / "x.tif").pixels
        assert (pixels[:, 0] == lowest[:, None]).all() and (pixels[:, 1:] == image[:, 1:]).all()
        assert pixels.dtype == np.float32
    assert caplog.text.count("x.tif holds 80 values that are not finite (NaN, infinity)") == 1
    assert np.array_equal(read_image(tmp_path / "x.tif", channels=1).pixels[0], pixels[1])


def test_nifti_colours(tmp_path: Path) -> None:
    image = asymmetric(3, "uint8")
    stored = np.zeros((WIDTH, HEIGHT), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    for name, plane in zip("RGB", image, strict=True):
        stored[name] = plane.T
    nibabel.save(nibabel.Nifti1Image(stored, np.eye(4)), tmp_path / "x.nii")
    read = read_image(tmp_path / "x.nii")
    assert (read.pixels == image).all() and read.is_rgb


def test_names_and_pixel_size_of_ome(tmp_path: Path) -> None:
    metadata = {
        "axes": "CYX",
        "Channel": {"Name": ["DAPI", "CD3"]},
        "PhysicalSizeX": 325.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 325.0,
        "PhysicalSizeYUnit": "nm",
    }
    tifffile.imwrite(
        tmp_path / "x.ome.tif", asymmetric(2, "uint8"), photometric="minisblack", metadata=metadata
    )
    image = read_image(tmp_path / "x.ome.tif")
    assert image.channel_names == ("DAPI", "CD3") and image.pixel_size_um == pytest.approx(0.325)
    for none in (float("inf"), float("nan"), 0.0, -1.0):
        told = metadata | {"PhysicalSizeX": none}
        tifffile.imwrite(
            tmp_path / "x.ome.tif", asymmetric(2, "uint8"), photometric="minisblack", metadata=told
        )
        assert read_image(tmp_path / "x.ome.tif").pixel_size_um is None, none


@pytest.mark.parametrize(
    ("unit", "per_unit"), [("um", 2.0), ("micron", 2.0), ("mm", 2000.0), ("\\u00B5m", 2.0)]
)
def test_names_and_pixel_size_of_imagej(tmp_path: Path, unit: str, per_unit: float) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif",
        asymmetric(2, "uint16"),
        imagej=True,
        resolution=(per_unit, per_unit),
        metadata={"axes": "CYX", "unit": unit, "Labels": ["DAPI", "CD3"]},
    )
    image = read_image(tmp_path / "x.tif")
    assert image.channel_names == ("DAPI", "CD3") and image.pixel_size_um == pytest.approx(0.5)


def test_pixel_size_of_resolution_tags_only_where_it_can_be_one(tmp_path: Path) -> None:
    for per_cm, expected in ((20000, 0.5), (28.3, None)):  # 28.3 per cm are 72 dots per inch
        tifffile.imwrite(
            tmp_path / "x.tif",
            asymmetric(1, "uint8"),
            resolution=(per_cm, per_cm),
            resolutionunit="CENTIMETER",
        )
        assert probe(tmp_path / "x.tif").pixel_size_um == (
            None if expected is None else pytest.approx(expected)
        )


@pytest.mark.parametrize(("axis", "said"), [("Z", "Z (depth)"), ("T", "T (time)")])
@pytest.mark.parametrize("options", [{"ome": True}, {"imagej": True}, {}])
def test_a_depth_or_time_axis_is_refused_by_name(tmp_path: Path, axis: str, said: str, options: dict) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(
        path, asymmetric(4, "uint8"), photometric="minisblack", metadata={"axes": axis + "YX"}, **options
    )
    with pytest.raises(ValueError, match=f"x.tif has 4 planes along its {said[0]}"):
        read_image(path)


def test_a_nifti_volume_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 6, 7), np.uint8), np.eye(4)), tmp_path / "x.nii.gz")
    with pytest.raises(ValueError, match="7 planes along its Z"):
        probe(tmp_path / "x.nii.gz")


@pytest.mark.parametrize(("name", "write", "kind"), CASES)
def test_half_a_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, write: Callable[[Path, np.ndarray], None], kind: tuple[int, str]
) -> None:
    path = tmp_path / name
    rng = np.random.default_rng(0)  # noise: no format can pack it into the first half
    write(path, rng.integers(0, 255, (kind[0], 64, 96)).astype(kind[1]))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    for read in (probe, read_image):  # probe: known before training starts
        with pytest.raises(ValueError, match=r"truncated|damaged") as caught:
            read(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
        assert caught.value.__cause__ is None  # the root cause is what a command line prints


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.bmp", "x.tif", "x.nii", "x.nii.gz"])
@pytest.mark.parametrize("content", [b"", b"no image at all"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} cannot be read"):
        read_image(tmp_path / name)


def test_what_is_no_image_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing.png does not exist"):
        read_image(tmp_path / "nothing.png")
    (tmp_path / "x.webp").touch()
    with pytest.raises(ValueError, match="format that is not read; readable are .png"):
        read_image(tmp_path / "x.webp")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        read_image(tmp_path / "folder.png")


@pytest.mark.parametrize("name", ["x.tif", "x.ome.tif", "x.png", "x.nii.gz"])
def test_only_the_chosen_channels_are_read_in_the_order_asked(tmp_path: Path, name: str) -> None:
    image = asymmetric(3, "uint8")
    {"x.png": pillow, "x.nii.gz": nifti}.get(name, tiff(metadata={"axes": "CYX"}))(tmp_path / name, image)
    read = read_image(tmp_path / name, channels="CD8,0", channel_names=("DAPI", "CD3", "CD8"))
    assert (read.pixels == image[[2, 0]]).all() and read.channel_names == ("CD8", "DAPI")


def test_names_from_outside_must_fit(tmp_path: Path) -> None:
    pillow(tmp_path / "x.png", asymmetric(3, "uint8"))
    with pytest.raises(ValueError, match=r"x.png has 3 channel\(s\), but 2 name\(s\).*dataset.json"):
        read_image(tmp_path / "x.png", channel_names=("DAPI", "CD3"))


def test_stems_are_equal_whatever_the_format() -> None:
    assert {stem_of(f"a.b{suffix}") for suffix in (".tif", ".ome.tif", ".OME.TIFF", ".nii.gz", ".png")} == {
        "a.b"
    }
