import io
import subprocess
import sys

import numpy as np
import pytest

from tinygrad_np.inspect import plots

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)
GREY, COLOUR = RNG.uniform(size=(7, 12, 10, 1)), RNG.uniform(size=(7, 12, 10, 3))
HISTORY = [
    {"epoch": i, "seconds": 1.0, "train_loss": 1 / i, "train_accuracy": 1 - 0.5 / i,
     "validation_loss": 1.5 / i, "validation_accuracy": 1 - 0.6 / i}
    for i in (1, 2, 3)
]  # fmt: skip
MATRIX = np.array([[8, 0, 2], [1, 30, 0], [0, 0, 0]])
MAPS = [("conv, add, tanh", RNG.normal(size=(12, 10, 6))), ("max_pool", RNG.uniform(size=(6, 5, 20)))]


def filter_pair(channels, filters):
    return RNG.normal(size=(3, 3, channels, filters)), RNG.normal(size=(3, 3, channels, filters))


PICTURES = {
    "curves": lambda: plots.training_curves(HISTORY, "title"),
    "matrix": lambda: plots.confusion_matrix(MATRIX, "abc", "title"),
    "filters": lambda: plots.filters(*filter_pair(1, 6), "title"),
    "filters of three channels": lambda: plots.filters(*filter_pair(3, 15), "title"),
    "filters of many channels": lambda: plots.filters(*filter_pair(8, 40), "title"),
    "one filter": lambda: plots.filters(*filter_pair(1, 1), "title"),
    "weights": lambda: plots.weights(RNG.normal(size=(28, 28)), RNG.normal(size=(28, 28)), "title"),
    "responses": lambda: plots.filter_responses(
        COLOUR, RNG.normal(size=(7, 12, 10)), RNG.uniform(size=(7, 12, 10)), "title"
    ),
    "grid": lambda: plots.image_grid(GREY, "title"),
    "marked grid": lambda: plots.image_grid(
        COLOUR, "title", labels=np.arange(7), predictions=np.array([0, 1, 2, 0, 4, 0, 6])
    ),
    "one image": lambda: plots.image_grid(GREY[:1], "title"),
    "class images": lambda: plots.class_images(3 * GREY - 1, range(7), "title"),
    "feature maps": lambda: plots.feature_maps(GREY[0], MAPS, "title"),
    "feature maps of one layer": lambda: plots.feature_maps(COLOUR[0], MAPS[:1], "title"),
    "overlays": lambda: plots.overlays(
        COLOUR[:2], {"saliency": GREY[:2, ..., 0], "Grad-CAM": RNG.normal(size=(2, 4, 4))}, "title", names="ab"
    ),
    "one overlay": lambda: plots.overlays(GREY[:1], {"occlusion": GREY[:1, ..., 0] - 0.5}, "title"),
}


def pixels(figure):
    content = plots.png(figure)
    assert len(content) < 200_000
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def all_axes(figure):
    return [axes for axes in figure.axes if axes.axison]


def words(figure):
    """Texts of a figure: titles, labels, ticks' names, legends and numbers."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def images_of(axes):
    return [np.asarray(image.get_array()) for image in axes.images]


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_small_and_not_blank(name):
    figure = PICTURES[name]()
    assert "title" in words(figure)
    assert np.mean(pixels(figure).max(axis=-1) < 250) > 0.02


def test_the_same_numbers_make_the_same_file():
    one, other = (plots.png(plots.weights(GREY[0, ..., 0], GREY[1, ..., 0], "title")) for _ in range(2))
    assert one == other


def test_no_state_of_pyplot():
    code = (
        "import sys, numpy as np; from tinygrad_np.inspect import plots; "
        "plots.png(plots.image_grid(np.zeros((2, 3, 3, 1)), '')); print('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# -- numbers ---------------------------------------------------------------------------------------------------------


def test_curves_show_every_metric():
    figure = plots.training_curves(HISTORY, "title")
    loss, accuracy = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("epoch", "mean loss", "share correct")
    train, validation = accuracy.lines
    np.testing.assert_allclose(train.get_xydata(), [[i, 1 - 0.5 / i] for i in (1, 2, 3)])
    np.testing.assert_allclose(validation.get_ydata(), [1 - 0.6 / i for i in (1, 2, 3)])
    assert {"train 0.8333", "validation 0.8000"} <= set(words(figure))


def test_curves_of_any_metric_and_without_validation():
    figure = plots.training_curves([{"epoch": 1, "train_top_5_accuracy": 0.5}], "")
    (axes,) = figure.axes
    assert (axes.get_title(), len(axes.lines)) == ("top 5 accuracy", 1)


@pytest.mark.parametrize("history", [[], [{"epoch": 1, "seconds": 2.0}]])
def test_curves_of_nothing_are_refused(history):
    with pytest.raises(ValueError, match=f"training_curves: {len(history)} epochs without a metric"):
        plots.training_curves(history, "")


def test_the_matrix_has_its_numbers_in_their_places():
    axes = plots.confusion_matrix(MATRIX, ["one", "two", "three"], "").axes[0]
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    assert numbers == {(0, 0): "8", (2, 0): "2", (0, 1): "1", (1, 1): "30"}
    np.testing.assert_allclose(images_of(axes)[0], [[0.8, 0, 0.2], [1 / 31, 30 / 31, 0], [0, 0, 0]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["one", "two", "three"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_numbers_of_many_classes_are_left_out():
    assert len(plots.confusion_matrix(np.eye(20, dtype=int), range(20), "").axes[0].texts) == 20
    assert len(plots.confusion_matrix(np.eye(21, dtype=int), range(21), "").axes[0].texts) == 0


def test_a_matrix_of_another_size_than_its_names_is_refused():
    with pytest.raises(ValueError, match=r"a matrix \(3, 3\) for 2 classes; expected \(2, 2\)"):
        plots.confusion_matrix(MATRIX, "ab", "")


@pytest.mark.parametrize("name", ["a $x^$ b", "$", r"\frac{", "<b>&", "_^{"])
def test_names_are_no_formulas(name):
    for figure in (
        plots.confusion_matrix(MATRIX, [name] * 3, name),
        plots.image_grid(GREY[:1], name, labels=[0], predictions=[0], classes=[name]),
        plots.overlays(GREY[:1], {name: GREY[:1, ..., 0]}, name, names=[name]),
        plots.feature_maps(GREY[0], [(name, MAPS[0][1])], name),
        plots.training_curves([{"epoch": 1, f"train_{name}": 1.0}], name),
    ):
        plots.png(figure)


# -- images ----------------------------------------------------------------------------------------------------------


def test_a_grid_is_square_and_marks_right_and_wrong():
    labels, predictions = np.arange(7), np.array([0, 1, 2, 0, 4, 5, 6])
    figure = plots.image_grid(GREY, "", labels=labels, predictions=predictions, classes="abcdefg")
    assert (len(figure.axes), len(all_axes(figure))) == (9, 7)
    said = [axes.get_xlabel() for axes in all_axes(figure)]
    assert said == ["✓ a", "✓ b", "✓ c", "✗ a\nis d", "✓ e", "✓ f", "✓ g"]
    colours = [axes.spines["left"].get_edgecolor() for axes in all_axes(figure)]
    assert len(set(colours)) == 2 and colours.count(colours[3]) == 1
    for axes, image in zip(figure.axes, GREY, strict=False):
        np.testing.assert_array_equal(images_of(axes)[0], image[..., 0])


def test_a_grid_of_chosen_width_with_names_alone():
    figure = plots.image_grid(COLOUR, "", labels=np.arange(7), columns=5)
    assert [axes.get_xlabel() for axes in all_axes(figure)] == list("0123456")
    assert len(figure.axes) == 10
    np.testing.assert_array_equal(images_of(figure.axes[6])[0], COLOUR[6])
    assert plots.image_grid(GREY, "", predictions=[6] * 7).axes[0].get_xlabel() == "6"


def test_a_grid_of_no_images_says_so():
    none = np.zeros(0, int)
    figure = plots.image_grid(GREY[:0], "wrong", labels=none, predictions=none, classes="abc", columns=3)
    assert words(figure) == ["none", "wrong"]
    plots.png(figure)


def test_images_of_other_channels_are_drawn_as_their_mean():
    figure = plots.image_grid(COLOUR[..., :2], "")
    np.testing.assert_array_equal(images_of(figure.axes[0])[0], COLOUR[0, ..., :2].mean(axis=-1))


def test_class_images_are_stretched_one_by_one():
    flat = np.full((1, 12, 10, 1), 0.3)
    figure = plots.class_images(np.concatenate([5 * GREY[:1] - 2, flat]), ["a", "b"], "")
    first, second = [images_of(axes)[0] for axes in figure.axes]
    np.testing.assert_allclose([first.min(), first.max()], [0, 1])
    np.testing.assert_array_equal(second, 0)
    assert [axes.get_xlabel() for axes in figure.axes] == ["a", "b"]


def test_feature_maps_are_drawn_by_layers():
    figure = plots.feature_maps(GREY[0], MAPS, "")
    image, *maps = all_axes(figure)
    assert image.get_xlabel() == "image"
    drawn = [images_of(axes)[0] for axes in maps]
    expected = [*np.moveaxis(MAPS[0][1], -1, 0), *np.moveaxis(MAPS[1][1], -1, 0)[:8]]
    for one, other in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert {"6 of 12 × 10: conv, add, tanh", "20 of 6 × 5: max_pool"} <= set(words(figure))


def test_long_names_of_layers_are_cut():
    figure = plots.feature_maps(GREY[0], [("conv, " + "add, " * 30, MAPS[0][1][..., :1])], "")
    (name,) = [text for text in words(figure) if text.startswith("1 of 12 × 10: conv")]
    assert len(name) <= 45 and name.endswith(" …")


def test_overlays_stretch_small_maps_over_the_image_and_tell_signs():
    coarse = np.stack([np.zeros((4, 4)), np.linspace(-1, 3, 16).reshape(4, 4)])
    figure = plots.overlays(COLOUR[:2], {"fine": GREY[:2, ..., 0], "coarse": coarse}, "", names=["a", "b"])
    assert [axes.get_title() for axes in figure.axes] == ["image", "fine", "coarse", "", "", ""]
    assert [axes.get_xlabel() for axes in figure.axes] == ["a", "", "", "b", "", ""]
    under, over = figure.axes[5].images
    np.testing.assert_array_equal(over.get_array(), coarse[1])
    assert under.get_extent() == over.get_extent()
    assert over.get_clim() == (-3, 3)
    assert figure.axes[1].images[1].get_clim() == (0, GREY[0].max())


# -- weights ---------------------------------------------------------------------------------------------------------


def test_filters_share_one_scale():
    before, after = filter_pair(2, 20)
    figure = plots.filters(before, after, "")
    axes = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert len(axes) == 32
    np.testing.assert_allclose(images_of(axes[3])[0], before[..., 3].mean(axis=-1))
    np.testing.assert_allclose(images_of(axes[16])[0], after[..., 0].mean(axis=-1))
    limit = max(np.abs(w.mean(axis=2)[..., :16]).max() for w in (before, after))
    np.testing.assert_allclose([each.images[0].get_clim() for each in axes], [[-limit, limit]] * 32)
    assert (axes[0].get_ylabel(), axes[16].get_ylabel()) == ("before", "after")


def test_a_single_filter_stands_in_the_middle():
    figure = plots.filters(*filter_pair(1, 1), "title")
    plots.png(figure)
    left, right = (getattr(figure.axes[0].get_position(), side) for side in ("x0", "x1"))
    assert (left + right) / 2 == pytest.approx(0.5, abs=0.12)


def test_filters_of_colours_are_drawn_in_colours():
    before, after = np.zeros((3, 3, 3, 2)), np.zeros((3, 3, 3, 2))
    after[1, 1, 0, 1] = -2.0
    figure = plots.filters(before, after, "")
    np.testing.assert_array_equal(images_of(figure.axes[0])[0], 0.5)
    np.testing.assert_array_equal(images_of(figure.axes[3])[0][1, 1], [0, 0.5, 0.5])


def test_weights_of_zero_can_be_drawn():
    zeros = np.zeros((4, 5))
    assert "nan" not in " ".join(words(plots.weights(zeros, zeros, "")))
    plots.png(plots.filters(zeros[..., None, None], zeros[..., None, None], ""))


def test_responses_stand_below_their_images():
    initial, trained = RNG.normal(size=(10, 8, 8)), RNG.uniform(size=(10, 8, 8))
    figure = plots.filter_responses(np.zeros((10, 12, 12, 1)), initial, trained, "")
    axes = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert [axes[i].get_ylabel() for i in (0, 10, 20)] == ["image", "initial filter", "trained filter"]
    np.testing.assert_array_equal(images_of(axes[13])[0], initial[3])
    np.testing.assert_array_equal(images_of(axes[29])[0], trained[9])
    assert axes[29].images[0].get_clim() == (0, trained.max())


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError, match=r'this needs matplotlib.* pip install "tinygrad_np\[train\]"'):
        plots.weights(np.zeros((2, 2)), np.zeros((2, 2)), "")
