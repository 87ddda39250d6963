import pytest
import torch

import multilayer as d2l


def curves(axes):
    return [line.get_xydata().tolist() for line in axes.lines]


ONE = [[0, 1], [1, 4]]
TWO = [[0, 2], [1, 5]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (([0, 1], [1, 4]), [ONE]),
        (([1, 4],), [ONE]),
        ((torch.tensor([0, 1]), torch.tensor([1.0, 4.0], requires_grad=True)), [ONE]),
        (([0, 1], [[1, 4], [2, 5]]), [ONE, TWO]),
        (([[0, 1], [0, 1]], [[1, 4], [2, 5]]), [ONE, TWO]),
        ((torch.tensor([0, 1]), [torch.tensor([1, 4]), torch.tensor([2, 5])]), [ONE, TWO]),
        ((torch.tensor([[1, 4], [2, 5]]),), [ONE, TWO]),
        ((range(2), [1, 4]), [ONE]),
    ],
)
def test_one_curve_or_several_are_drawn(pyplot, arguments, expected):
    d2l.plot(*arguments)
    assert curves(pyplot.gca()) == expected


def test_a_plot_is_labelled_as_asked(pyplot):
    d2l.plot(
        [1, 2], [[1, 2], [2, 4]], "x", "f(x)", ["a", "b"], [0, 3], [1, 8], "linear", "log",
        figsize=(4, 3),
    )  # fmt: skip
    axes = pyplot.gca()
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("x", "f(x)", "log")
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 3), (1, 8))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert pyplot.gcf().get_size_inches().tolist() == [4, 3]


def test_a_plot_takes_the_place_of_the_one_before(pyplot):
    d2l.plot([0, 1], [5, 5])
    d2l.plot([0, 1], [1, 4])
    assert curves(pyplot.gca()) == [ONE]


def test_given_axes_are_drawn_on(pyplot):
    _, (left, right) = pyplot.subplots(1, 2)
    d2l.plot([0, 1], [1, 4], axes=left)
    assert curves(left) == [ONE]
    assert curves(right) == []


def test_images_fill_a_grid(pyplot):
    images = [torch.full((2, 3), i, requires_grad=True, dtype=torch.float32) for i in range(5)]
    axes = d2l.show_images(images, 2, 3, titles=list("abcde"))
    assert len(axes) == 6
    assert [ax.get_title() for ax in axes] == ["a", "b", "c", "d", "e", ""]
    assert axes[4].images[0].get_array().tolist() == [[4] * 3] * 2
    assert not axes[5].images
    assert len(d2l.show_images(images, 1, 1)) == 1


def test_pyplot_is_there_under_the_books_name(pyplot):
    assert d2l.plt is pyplot


def test_svg_display_is_a_notebooks_affair_alone():
    d2l.use_svg_display()  # outside a notebook there is nothing to change, and nothing fails
