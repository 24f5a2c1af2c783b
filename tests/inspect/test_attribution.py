import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np import nn, random
from tinygrad_np.inspect.attribution import class_image, grad_cam, occlusion, saliency


def normal(seed, shape, dtype=np.float64):
    return random.normal(random.key(seed), shape, dtype)


SHAPE = (3, 6, 5, 2)
IMAGES, LABELS = normal(0, SHAPE), np.array([2, 0, 2])
WEIGHTS = normal(1, (6 * 5 * 2, 4))


def linear(images):
    return images.reshape(-1, 60) @ WEIGHTS


# -- saliency --------------------------------------------------------------------------------------------------------


def test_saliency_of_a_linear_function_is_its_weights():
    expected = np.abs(WEIGHTS.T.reshape(4, 6, 5, 2)).max(axis=-1)[LABELS]
    np.testing.assert_allclose(saliency(linear, IMAGES, LABELS), expected)


def test_saliency_is_the_derivative_at_the_image():
    logits = lambda images: np.tanh(linear(images))
    found, h = saliency(logits, IMAGES, LABELS), 1e-6
    for place in [(0, 0), (3, 2), (5, 4)]:
        slopes = []
        for channel in range(2):
            moved = np.zeros(SHAPE)
            moved[:, *place, channel] = h
            change = logits(IMAGES + moved) - logits(IMAGES - moved)
            slopes.append(np.abs(change[np.arange(3), LABELS]) / (2 * h))
        np.testing.assert_allclose(found[:, *place], np.max(slopes, axis=0), rtol=1e-5, atol=1e-9)


def test_the_smooth_saliency_is_a_mean_over_noise():
    key = random.key(7)
    np.testing.assert_allclose(saliency(linear, IMAGES, LABELS, samples=3, key=key), saliency(linear, IMAGES, LABELS))
    square = lambda images: linear(images**2)
    found = saliency(square, IMAGES, LABELS, samples=2, noise=0.5, key=key)
    noise = sum(normal_of(each) for each in random.split(key, 2)) / 2
    slope = 2 * (IMAGES + 0.5 * noise) * WEIGHTS.T.reshape(4, 6, 5, 2)[LABELS]
    np.testing.assert_allclose(found, np.abs(slope).max(axis=-1))


def normal_of(key):
    return random.normal(key, SHAPE, np.float64)


# -- occlusion -------------------------------------------------------------------------------------------------------


def naive_occlusion(images, labels, size, stride, fill):
    _, height, width, _ = images.shape
    tops, lefts = ({min(i, side - size) for i in range(0, side, stride)} for side in (height, width))
    result = np.zeros(images.shape[:3])
    for n, (image, label) in enumerate(zip(images, labels, strict=True)):
        drops = {}
        for top in tops:
            for left in lefts:
                covered = image.copy()
                covered[top : top + size, left : left + size] = fill
                drops[top, left] = softmax(image)[label] - softmax(covered)[label]
        for row in range(height):
            for column in range(width):
                over = [d for (i, j), d in drops.items() if i <= row < i + size and j <= column < j + size]
                result[n, row, column] = np.mean(over)
    return result


def softmax(image):
    e = np.exp(image.ravel() @ WEIGHTS)
    return e / e.sum()


@given(size=st.integers(1, 5), step=st.integers(1, 5), fill=st.sampled_from([0.0, 0.5]))
def test_occlusion_against_loops(size, step, fill):
    stride = min(size, step)
    found = occlusion(linear, IMAGES, LABELS, size=size, stride=stride, fill=fill)
    np.testing.assert_allclose(found, naive_occlusion(IMAGES, LABELS, size, stride, fill), rtol=1e-9, atol=1e-12)


def test_occlusion_of_two_classes_by_hand():
    logits = lambda images: images.reshape(-1, 2) @ np.array([[1.0, 0.0], [0.0, 3.0]])
    found = occlusion(logits, np.array([[[[2.0], [1.0]]]]), np.array([0]), size=1, stride=1)
    p = lambda a, b: 1 / (1 + np.exp(b - a))
    np.testing.assert_allclose(found, [[[p(2, 3) - p(0, 3), p(2, 3) - p(2, 0)]]])


# -- Grad-CAM --------------------------------------------------------------------------------------------------------

W1, B1, W2, B2 = normal(2, (3, 3, 2, 4)), normal(3, (4,)), normal(4, (2, 2, 4, 3)), normal(5, (3,))
DENSE = normal(6, (2 * 1 * 3, 4))


def first_part(images):
    return np.tanh(nn.conv2d(images, W1, B1, padding="same"))


def second_part(maps):
    return np.maximum(nn.conv2d(nn.max_pool2d(maps, 2), W2, B2), 0)


def third_part(maps):
    return maps.reshape(-1, 6) @ DENSE


def network(images):
    return third_part(second_part(first_part(images)))


def naive_grad_cam(maps, rest):
    slope = tg.grad(lambda maps: sum(rest(maps)[i, label] for i, label in enumerate(LABELS)))(maps)
    count, height, width, filters = maps.shape
    result = np.zeros((count, height, width))
    for i in range(count):
        for k in range(filters):
            alpha = sum(slope[i, r, c, k] for r in range(height) for c in range(width)) / (height * width)
            result[i] += alpha * maps[i, :, :, k]
    return np.where(result > 0, result, 0)


@pytest.mark.parametrize("layer", [0, -2])
def test_grad_cam_of_the_first_convolution_against_a_network_split_by_hand(layer):
    expected = naive_grad_cam(first_part(IMAGES), lambda maps: third_part(second_part(maps)))
    found = grad_cam(network, IMAGES, LABELS, layer=layer)
    assert found.shape == (3, 6, 5)
    assert np.any(found > 0)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"layer": 1}])
def test_grad_cam_of_the_last_convolution_against_a_network_split_by_hand(options):
    expected = naive_grad_cam(second_part(first_part(IMAGES)), third_part)
    np.testing.assert_allclose(grad_cam(network, IMAGES, LABELS, **options), expected, rtol=1e-10, atol=1e-12)


def test_grad_cam_under_a_global_average_is_the_class_activation_map():
    head = normal(8, (4, 5))
    f = lambda images: np.mean(first_part(images), axis=(1, 2)) @ head
    expected = np.maximum(np.einsum("nhwk,kn->nhw", first_part(IMAGES), head[:, LABELS]) / 30, 0)
    np.testing.assert_allclose(grad_cam(f, IMAGES, LABELS), expected, rtol=1e-10, atol=1e-12)


# -- the image of a class --------------------------------------------------------------------------------------------


def test_the_image_of_a_class_of_a_linear_function_is_where_its_weights_are_positive():
    start = np.full(SHAPE, 0.5)
    images, path = class_image(linear, LABELS, start, steps=200, learning_rate=0.2)
    np.testing.assert_array_equal(images, WEIGHTS.T.reshape(4, 6, 5, 2)[LABELS] > 0)
    assert path.shape == (201, 3)
    assert np.all(np.diff(path, axis=0) >= -1e-12)
    np.testing.assert_allclose(path[0], linear(start)[np.arange(3), LABELS])
    np.testing.assert_allclose(path[-1], linear(images)[np.arange(3), LABELS])


def test_a_step_has_the_length_of_the_learning_rate():
    start = np.full(SHAPE, 0.5)
    images, _ = class_image(linear, LABELS, start, steps=1, learning_rate=0.01)
    np.testing.assert_allclose(np.sqrt(np.mean((images - start) ** 2, axis=(1, 2, 3))), 0.01)


def test_l2_and_variation_are_subtracted_from_the_logit():
    start = random.uniform(random.key(3), SHAPE, np.float64, low=0.4, high=0.6)

    def objective(images):
        squares = np.sum((images[:, 1:] - images[:, :-1]) ** 2) + np.sum((images[:, :, 1:] - images[:, :, :-1]) ** 2)
        return np.sum(linear(images)[np.arange(3), LABELS]) - 2.0 * np.sum(images * images) - 3.0 * squares

    images, _ = class_image(linear, LABELS, start, steps=1, learning_rate=0.01, l2=2.0, variation=3.0)
    slope = tg.grad(objective)(start)
    cosine = np.sum((images - start) * slope, axis=(1, 2, 3))
    cosine /= np.linalg.norm((images - start).reshape(3, -1), axis=1) * np.linalg.norm(slope.reshape(3, -1), axis=1)
    np.testing.assert_allclose(cosine, 1)


def test_where_nothing_moves_the_logit_the_image_stays():
    start = np.full(SHAPE, 0.25)
    images, path = class_image(lambda images: 0 * linear(images), LABELS, start, steps=3)
    np.testing.assert_array_equal(images, start)
    np.testing.assert_array_equal(path, 0)


# -- all of them -----------------------------------------------------------------------------------------------------

SINGLE = IMAGES.astype(np.float32)
ALL = {
    "saliency": lambda f, x, y: saliency(f, x, y),
    "occlusion": lambda f, x, y: occlusion(f, x, y),
    "grad_cam": lambda f, x, y: grad_cam(f, x, y),
    "class_image": lambda f, x, y: class_image(f, y, x, steps=2)[0],
}


@pytest.mark.parametrize("name", ALL)
def test_float32_stays_and_nothing_is_written_to(name):
    w1, w2, dense = (w.astype(np.float32) for w in (W1, W2, DENSE))
    f = lambda x: nn.conv2d(nn.max_pool2d(nn.conv2d(x, w1, padding="same"), 2), w2).reshape(-1, 6) @ dense
    images = SINGLE.copy()
    assert ALL[name](f, images, LABELS).dtype == np.float32
    np.testing.assert_array_equal(images, SINGLE)


WRONG = [
    (network, IMAGES[0], LABELS, r"images \(6, 5, 2\) and labels \(3,\) of int64; expected \(N, H, W, C\)"),
    (network, IMAGES, LABELS[:2], r"labels \(2,\)"),
    (network, IMAGES, LABELS.astype(float), "of float64; expected"),
    (network, IMAGES, LABELS + 2, "labels from 2 to 4, for 4 classes"),
    (network, IMAGES, LABELS - 1, "labels from -1 to 1"),
    (lambda x: network(x)[:, 0], IMAGES, LABELS, r"returned \(3,\) for 3 images; expected \(3, classes\)"),
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("f", "images", "labels", "message"), WRONG)
def test_what_does_not_go_together_is_refused(name, f, images, labels, message):
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        ALL[name](f, images, labels)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: saliency(linear, IMAGES, LABELS, samples=2), r"samples need a key .*random\.key\(0\)"),
    (lambda: occlusion(linear, IMAGES, LABELS, size=6), "size=6 and stride=2 on images of 6 x 5"),
    (lambda: occlusion(linear, IMAGES, LABELS, size=2, stride=3), "1 <= stride <= size"),
    (lambda: occlusion(linear, IMAGES, LABELS, stride=0), "stride=0"),
    (lambda: grad_cam(network, IMAGES, LABELS, layer=2), "layer=2, but the function has 2 convolutions"),
    (lambda: grad_cam(linear, IMAGES, LABELS), "layer=-1, but the function has 0 convolutions"),
])  # fmt: skip
def test_wrong_options_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
