import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import nn, random
from tinygrad_np.data import augment, mixing

KEY = random.key(2)
IMAGES = random.uniform(random.key(1), (5, 6, 4, 2), low=0.5)
DTYPES = [np.float16, np.float32, np.float64, np.uint8]
OPERATIONS = {
    "shift": lambda x, key: augment.shift(x, 2, key),
    "flip": augment.flip,
    "crop": lambda x, key: augment.crop(x, (3, 2), key, padding=1),
    "rotate": lambda x, key: augment.rotate(x, 30, key),
    "cutout": lambda x, key: augment.cutout(x, 3, key),
    "mixup": lambda x, key: augment.mixup(x, np.arange(len(x)) % 3, 0.4, key, classes=3)[0],
    "compose": augment.compose(augment.flip, lambda x, key: augment.shift(x, 1, key)),
}


def pictures(count=5, height=6, width=4, dtype=np.float32):
    values = np.asarray(random.uniform(random.key(count), (count, height, width, 2), low=0.25))
    return (values * 255).astype(dtype) if dtype == np.uint8 else values.astype(dtype)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name in OPERATIONS for dtype in DTYPES if name != "mixup" or dtype != np.uint8],
)
def test_dtypes_are_kept_keys_decide_and_nothing_is_changed(name, dtype):
    operation, images = OPERATIONS[name], pictures(dtype=dtype)
    before = images.copy()
    result = operation(images, KEY)
    assert result.dtype == dtype
    assert result.flags.writeable and not np.shares_memory(result, images)
    assert np.array_equal(images, before)
    assert np.array_equal(result, operation(images, KEY))
    assert not np.array_equal(result, operation(images, random.key(3)))


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", [(0, 6, 4, 2), (1, 6, 4, 2), (3, 6, 4, 0)])
def test_batches_of_none_and_of_one_and_images_without_channels(name, shape):
    result = OPERATIONS[name](np.ones(shape, np.float32), KEY)
    assert result.shape == ((*shape[:1], 3, 2, *shape[3:]) if name == "crop" else shape)


@pytest.mark.parametrize("name", ["shift", "flip", "rotate", "cutout"])
def test_images_without_pixels(name):
    assert OPERATIONS[name](np.ones((2, 0, 4, 1), np.float32), KEY).shape == (2, 0, 4, 1)


@pytest.mark.parametrize("most", [1, 2])
def test_shifts_move_each_image_by_whole_pixels_and_bring_zeros(most):
    images = pictures(600, 6, 5)
    moved = augment.shift(images, most, KEY)
    wide = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    ways = range(2 * most + 1)
    hits = [np.all(moved == wide[:, i : i + 6, j : j + 5], axis=(1, 2, 3)).sum() for i in ways for j in ways]
    assert sum(hits) == 600
    assert min(hits) > 600 / len(hits) / 2  # every way occurs, about equally often


def test_no_shift_no_turn_no_cut_and_no_flip_are_no_change():
    for result in (
        augment.shift(IMAGES, 0, KEY),
        augment.rotate(IMAGES, 0, KEY),
        augment.cutout(IMAGES, 0, KEY),
        augment.flip(IMAGES, KEY, p=0),
        augment.crop(IMAGES, (6, 4), KEY),
        augment.compose()(IMAGES, KEY),
    ):
        assert np.array_equal(result, IMAGES)


def test_a_shift_further_than_the_image_is_wide_may_leave_nothing():
    moved = augment.shift(np.ones((200, 2, 2, 1), np.float32), 5, KEY)
    assert set(moved.sum(axis=(1, 2, 3)).tolist()) == {0, 1, 2, 4}


@pytest.mark.parametrize(("axis", "mirrored"), [("horizontal", np.fliplr), ("vertical", np.flipud)])
def test_flips_mirror_images_with_the_probability(axis, mirrored):
    images = pictures(1000)
    flipped = augment.flip(images, KEY, axis=axis, p=0.3)
    count = 0
    for before, after in zip(images, flipped, strict=True):
        changed = np.array_equal(after, mirrored(before))
        assert changed or np.array_equal(after, before)
        count += changed
    assert abs(count - 300) < 60  # four deviations
    assert np.array_equal(augment.flip(images, KEY, axis=axis, p=1), [mirrored(image) for image in images])


@pytest.mark.parametrize("padding", [0, 1])
def test_crops_are_windows_at_every_place(padding):
    images = pictures(400, 5, 4)
    result = augment.crop(images, (4, 3), KEY, padding=padding)
    framed = np.pad(images, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    ways = range(2 + 2 * padding)
    hits = [np.all(result == framed[:, i : i + 4, j : j + 3], axis=(1, 2, 3)).sum() for i in ways for j in ways]
    assert sum(hits) == 400
    assert min(hits) > 400 / len(hits) / 2.5
    assert augment.crop(images, 2, KEY).shape == (400, 2, 2, 2)


@pytest.mark.parametrize("size", [1, 2, 5, 6])
@pytest.mark.parametrize("quarters", [-4, -1, 0, 1, 2, 3, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_quarter_turns_are_those_of_numpy(size, quarters, dtype):
    images = pictures(3, size, size, dtype)
    turned = augment.rotate_by(images, 90 * quarters)
    expected = np.rot90(images, quarters, axes=(1, 2))
    tolerance = 0 if dtype == np.uint8 else 16 * np.finfo(dtype).eps
    assert turned.dtype == dtype
    np.testing.assert_allclose(turned, expected, rtol=tolerance, atol=tolerance)


def turned_naively(image, degrees):
    """Pixel by pixel, with complex numbers: rows grow downwards, so a turn to the left is one by -angle."""
    height, width, channels = image.shape
    result = np.zeros(image.shape)
    for row in range(height):
        for column in range(width):
            z = complex(column - (width - 1) / 2, (height - 1) / 2 - row) * np.exp(-1j * np.deg2rad(degrees))
            y, x = (height - 1) / 2 - z.imag, z.real + (width - 1) / 2
            for i in range(height):
                for j in range(width):
                    result[row, column] += max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j)) * image[i, j]
    return result


@given(height=st.integers(1, 5), width=st.integers(1, 5), angles=st.lists(st.floats(-400, 400), min_size=1, max_size=3))
def test_turns_are_bilinear_with_zeros_outside(height, width, angles):
    images = pictures(len(angles), height, width, np.float64)
    expected = [turned_naively(image, angle) for image, angle in zip(images, angles, strict=True)]
    np.testing.assert_allclose(augment.rotate_by(images, angles), expected, atol=1e-12)
    bytes_ = (images * 255).astype(np.uint8)
    near = np.array([turned_naively(image, angle) for image, angle in zip(bytes_, angles, strict=True)])
    assert np.abs(augment.rotate_by(bytes_, angles) - near).max() <= 0.501


def test_rotations_draw_their_angles_evenly():
    images = np.zeros((500, 21, 21, 1), np.float64)
    images[:, 10, 20] = 1  # east of the centre
    rows, columns = np.mgrid[10:-11:-1, -10:11]
    turned = augment.rotate(images, 60, KEY)[..., 0]
    angles = np.rad2deg(np.arctan2((turned * rows).sum((1, 2)), (turned * columns).sum((1, 2))))
    counts = np.histogram(angles, bins=4, range=(-61, 61))[0]
    assert counts.sum() == 500
    assert counts.min() > 85


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_cutouts_are_squares_around_a_pixel(size):
    images = pictures(300, 5, 4)
    result = augment.cutout(images, size, KEY)
    seen = set()
    for before, after in zip(images, result, strict=True):
        centres = []
        for row in range(5):
            for column in range(4):
                expected = before.copy()
                top, left = row - size // 2, column - size // 2
                expected[max(0, top) : max(0, top + size), max(0, left) : max(0, left + size)] = 0
                if np.array_equal(expected, after):
                    centres.append((row, column))
        assert centres
        seen.update(centres)
    assert len(seen) == 20


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mixtures_are_convex_and_targets_go_with_them(dtype):
    count = 7
    images, labels = np.eye(count, dtype=dtype).reshape(count, count, 1, 1), np.arange(count)  # an image is its target
    mixed, targets = augment.mixup(images, labels, 0.7, KEY, classes=count)
    assert (mixed.dtype, targets.dtype, targets.shape) == (dtype, dtype, (count, count))
    np.testing.assert_array_equal(mixed.reshape(count, count), targets)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    assert np.count_nonzero(targets, axis=1).max() == 2
    again, same = augment.mixup(images, np.eye(count), 0.7, KEY)
    assert np.array_equal(again, mixed) and np.array_equal(same, targets)
    assert nn.cross_entropy(np.zeros((count, count), dtype), targets) == pytest.approx(np.log(count), rel=1e-6)


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 0.5, 1.0, 3.0, 1e3])
def test_shares_are_from_the_beta_distribution(alpha):
    shares = mixing._symmetric_beta(KEY, alpha, 20_000)
    assert shares.min() >= 0 and shares.max() <= 1
    assert abs(shares.mean() - 0.5) < 0.02
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)
    fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert np.mean((shares - 0.5) ** 4) == pytest.approx(fourth, rel=0.1)


@pytest.mark.parametrize(
    ("alpha", "distribution"),
    [(0.5, lambda x: 2 / np.pi * np.arcsin(np.sqrt(x))), (1, lambda x: x), (2, lambda x: x**2 * (3 - 2 * x))],
)
def test_shares_have_the_distribution_function(alpha, distribution):
    shares = np.sort(mixing._symmetric_beta(KEY, alpha, 20_000))
    assert np.abs(distribution(shares) - np.arange(20_000) / 20_000).max() < 0.015  # the bound of Kolmogorov for 2e-4


def test_composition_applies_in_order_with_keys_of_its_own():
    keys = random.split(KEY, 2)
    both = augment.compose(OPERATIONS["crop"], augment.flip)
    assert np.array_equal(both(IMAGES, KEY), augment.flip(OPERATIONS["crop"](IMAGES, keys[0]), keys[1]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: augment.shift(IMAGES, -1, KEY), ValueError, "shift: most=-1 must be 0 or more"),
        (lambda: augment.shift(IMAGES, 1.5, KEY), TypeError, "shift: most=1.5 must be an integer"),
        (lambda: augment.shift(IMAGES[0], 1, KEY), ValueError, r"shift: images have shape \(6, 4, 2\)"),
        (lambda: augment.shift(IMAGES.tolist(), 1, KEY), TypeError, "shift: images must be an array of NumPy, got list"),
        (lambda: augment.shift(IMAGES, 1, 7), TypeError, "key must be a uint64 array"),
        (lambda: augment.flip(IMAGES, KEY, axis="left"), ValueError, "flip: axis='left' must be"),
        (lambda: augment.flip(IMAGES, KEY, p=1.5), ValueError, "flip: p=1.5 must be a probability"),
        (lambda: augment.crop(IMAGES, 7, KEY), ValueError, r"crop: size=7 exceeds .*\(5, 6, 4, 2\) with padding=0"),
        (lambda: augment.crop(IMAGES, (1, 2, 3), KEY), ValueError, "an int or"),
        (lambda: augment.crop(IMAGES, 0, KEY), ValueError, "crop: size=0 must be 1 or more"),
        (lambda: augment.crop(IMAGES, 2, KEY, padding=-1), ValueError, "crop: padding=-1"),
        (lambda: augment.rotate(IMAGES, -1, KEY), ValueError, "rotate: degrees=-1 must be 0 or more"),
        (lambda: augment.rotate(IMAGES, float("inf"), KEY), TypeError, "rotate: degrees=inf must be a finite"),
        (lambda: augment.rotate(IMAGES.astype(int), 1, KEY), TypeError, "rotate: images are int64"),
        (lambda: augment.cutout(IMAGES, -2, KEY), ValueError, "cutout: size=-2"),
        (lambda: augment.mixup(IMAGES, np.arange(5), 0, KEY, classes=5), ValueError, "mixup: alpha=0 must be above 0"),
        (lambda: augment.mixup(IMAGES, np.arange(5), 1, KEY), ValueError, "mixup: labels need classes="),
        (lambda: augment.mixup(IMAGES, np.arange(5), 1, KEY, classes=4), ValueError, r"labels from 0 to 4 .* in 0\.\.3"),
        (lambda: augment.mixup(IMAGES, np.arange(4), 1, KEY, classes=4), ValueError, r"mixup: targets are int64 of"),
        (lambda: augment.mixup(IMAGES, np.eye(5), 1, KEY, classes=4), ValueError, r"shape \(5, 5\), but classes=4"),
        (lambda: augment.mixup(pictures(dtype=np.uint8), np.eye(5), 1, KEY), TypeError, "divide uint8 by 255"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
