import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from multilayer.errors import IdxFileError, ImageFileError
from multilayer.images.idx import write_idx
from multilayer.images.image_files import PNG_MAGIC, read_pictures

SHAPE = (4, 6)
GREY = np.arange(24, dtype=np.uint8).reshape(SHAPE) * 10


def save(path: Path, values: np.ndarray = GREY, **options) -> Path:
    Image.fromarray(values).save(path, format="PNG", **options)
    return path


def one(path: Path, invert: bool = False) -> np.ndarray:
    pictures = read_pictures(path, SHAPE, invert)
    assert pictures.images.shape == (1, *SHAPE)
    assert pictures.images.dtype == np.uint8
    return pictures.images[0]


def error_of(path: Path, kind: type[Exception] = ImageFileError, named: Path | None = None) -> str:
    with pytest.raises(kind) as caught:
        read_pictures(path, SHAPE)
    message = str(caught.value)
    assert "\n" not in message
    assert str(named or path) in message
    return message


def png_of_size(path: Path, width: int, height: int) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(PNG_MAGIC + header + data + chunk(b"IEND", b""))
    return path


def test_a_grey_png_is_read_as_it_is(tmp_path: Path) -> None:
    pictures = read_pictures(save(tmp_path / "a.png"), SHAPE)
    np.testing.assert_array_equal(pictures.images, GREY[None])
    assert pictures.names == ("a.png",)
    assert pictures.notes == ()


def test_the_content_tells_the_kind_of_file_not_the_name(tmp_path: Path) -> None:
    np.testing.assert_array_equal(one(save(tmp_path / "a.idx")), GREY)
    write_idx(tmp_path / "b.png", GREY)
    np.testing.assert_array_equal(one(tmp_path / "b.png"), GREY)


def test_invert_turns_dark_on_light_into_light_on_dark(tmp_path: Path) -> None:
    np.testing.assert_array_equal(one(save(tmp_path / "a.png"), invert=True), 255 - GREY)
    write_idx(tmp_path / "b", GREY)
    np.testing.assert_array_equal(one(tmp_path / "b", invert=True), 255 - GREY)


def test_colour_becomes_grey(tmp_path: Path) -> None:
    colour = np.zeros((*SHAPE, 3), dtype=np.uint8)
    colour[..., 1] = 200
    pictures = read_pictures(save(tmp_path / "a.png", colour), SHAPE)
    assert set(pictures.images.ravel().tolist()) == {117}  # 0.587 of 200
    assert pictures.notes == ("1 of 1 picture was turned from colour to grey",)


@pytest.mark.parametrize("invert", [False, True])
def test_transparent_parts_become_background(tmp_path: Path, invert: bool) -> None:
    rgba = np.full((*SHAPE, 4), 255 if not invert else 0, dtype=np.uint8)
    rgba[..., 3] = 255
    rgba[0, :, 3] = 0
    rgba[1, :, 3] = 128
    image = one(save(tmp_path / "a.png", rgba), invert)
    assert image[0].tolist() == [0] * 6
    assert image[1].tolist() == [128] * 6
    assert image[2].tolist() == [255] * 6
    assert read_pictures(tmp_path / "a.png", SHAPE).notes == (
        "1 of 1 picture was laid on the background where transparent",
    )


def test_a_transparent_palette_colour_becomes_background(tmp_path: Path) -> None:
    palette = Image.fromarray(np.eye(*SHAPE, dtype=np.uint8), mode=None).convert("P")
    palette.putpalette([255, 255, 255, 90, 90, 90])
    palette.save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(one(tmp_path / "a.png"), np.eye(*SHAPE) * 90)


def test_sixteen_bits_and_one_bit_use_the_full_range(tmp_path: Path) -> None:
    np.testing.assert_array_equal(one(save(tmp_path / "a.png", GREY.astype(np.uint16) * 257)), GREY)
    wide = np.full(SHAPE, 300, dtype=np.uint16)
    assert set(one(save(tmp_path / "c.png", wide)).ravel().tolist()) == {1}  # 300 / 257
    np.testing.assert_array_equal(one(save(tmp_path / "b.png", GREY > 100)), (GREY > 100) * 255)


def test_another_size_is_resized_and_noted(tmp_path: Path) -> None:
    large = np.kron(np.eye(2, 3), np.ones((20, 20))).astype(np.uint8) * 255
    pictures = read_pictures(save(tmp_path / "a.png", large), SHAPE)
    assert pictures.notes == ("1 of 1 picture was resized to 4 x 6",)
    image = pictures.images[0].astype(int)
    assert image[0, 0] == 255
    assert image[0, 5] == 0
    assert image[3, 0] == 0
    assert image[3, 3] > 200


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        save(tmp_path / f"img{number}.png", GREY // number)
    save(tmp_path / "B.PNG")
    save(tmp_path / "a.png")
    save(tmp_path / ".hidden.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    pictures = read_pictures(tmp_path, SHAPE)
    assert pictures.names == ("a.png", "B.PNG", "img1.png", "img2.png", "img10.png")
    np.testing.assert_array_equal(pictures.images[3], GREY // 2)
    assert pictures.notes == (
        f"1 of the 6 entries of {tmp_path} are no PNG or JPEG files, and are left out: notes.txt",
    )


def test_a_light_ground_is_noted_with_the_flag_that_inverts(tmp_path: Path) -> None:
    light = np.full(SHAPE, 250, dtype=np.uint8)
    light[1:3, 2:4] = 0
    path = save(tmp_path / "a.png", light)
    (note,) = read_pictures(path, SHAPE).notes
    assert "1 of 1" in note and "--invert" in note
    assert read_pictures(path, SHAPE, invert=True).notes == ()


def test_changes_are_counted_over_the_folder(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.png", np.zeros((9, 9, 3), dtype=np.uint8))
    save(tmp_path / "3.png")
    save(tmp_path / "4.png", np.zeros((9, 9), dtype=np.uint8))
    assert read_pictures(tmp_path, SHAPE).notes == (
        "3 of 5 pictures were turned from colour to grey",
        "4 of 5 pictures were resized to 4 x 6",
    )


def test_an_idx_file_gives_each_image_its_place(tmp_path: Path) -> None:
    images = np.stack([GREY, GREY // 2])
    write_idx(tmp_path / "t10k.gz", images)
    pictures = read_pictures(str(tmp_path / "t10k.gz"), SHAPE)
    assert pictures.names == ("t10k.gz[0]", "t10k.gz[1]")
    np.testing.assert_array_equal(pictures.images, images)


def test_an_idx_file_with_other_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images"
    write_idx(path, np.zeros((2, 5, 5), dtype=np.uint8))
    assert error_of(path).endswith("are 5 x 5, they must be 4 x 6")
    write_idx(path, np.zeros((2, *SHAPE), dtype=np.float32))
    assert error_of(path).endswith("it holds float32 of 3")
    write_idx(path, np.zeros(7, dtype=np.uint8))
    assert error_of(path).endswith("it holds uint8 of 1")
    write_idx(path, np.zeros((0, *SHAPE), dtype=np.uint8))
    assert error_of(path).endswith("holds no images")
    path.write_bytes(b"\0\0\x08\x03")
    assert "truncated" in error_of(path, IdxFileError)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    assert "no such file" in error_of(tmp_path / "absent.png")
    assert error_of(tmp_path).endswith("has no PNG or JPEG file among its 0 entries")
    path = tmp_path / "a.png"
    path.touch()
    assert "is empty" in error_of(path)
    Image.fromarray(GREY).save(path, format="GIF")
    assert "is neither a PNG or JPEG picture nor an idx file: it begins with 47" in error_of(path)
    assert error_of(tmp_path, named=path).endswith("a.png is not a PNG or JPEG picture")


def test_a_jpeg_picture_is_read_as_the_camera_held_it(tmp_path: Path) -> None:
    light = np.full(SHAPE, 200, np.uint8)
    light[: SHAPE[0] // 2] = 20
    turned = Image.Exif()
    turned[0x0112] = 3  # upside down
    Image.fromarray(light).save(tmp_path / "1.jpg", quality=95, exif=turned)
    Image.fromarray(light).save(tmp_path / "2.jpeg", quality=95)
    pictures = read_pictures(tmp_path, SHAPE)
    assert pictures.names == ("1.jpg", "2.jpeg")
    assert pictures.images[0][-1].max() < 60 < pictures.images[1][-1].min()
    content = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(content[:200])
    assert "1.jpg is a damaged JPEG picture" in error_of(tmp_path, named=tmp_path / "1.jpg")


def test_one_damaged_picture_in_a_folder_is_named(tmp_path: Path) -> None:
    save(tmp_path / "1.png")
    content = save(tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(content[:-20])
    assert "2.png is a damaged PNG picture" in error_of(tmp_path, named=tmp_path / "2.png")
    (tmp_path / "2.png").write_bytes(content[:20])
    assert "2.png is a damaged PNG picture" in error_of(tmp_path, named=tmp_path / "2.png")


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_decompression_bomb_is_refused(tmp_path: Path, side: int) -> None:
    assert "too large" in error_of(png_of_size(tmp_path / "bomb.png", side, side))


def test_files_are_closed_and_read_in_full(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    pictures = read_pictures(path, SHAPE)  # a file left open would be a ResourceWarning
    path.unlink()
    assert pictures.images.flags.writeable
    np.testing.assert_array_equal(pictures.images[0], GREY)


@settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damage_gives_a_picture_or_one_line(tmp_path: Path, data) -> None:
    mode = data.draw(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]))
    path = tmp_path / "damaged.png"
    Image.new(mode, (5, 3)).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(8, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(8, len(content)))])
    try:
        assert one(path).shape == SHAPE
    except ImageFileError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)
