import pytest
import torch
from torch.utils.data import DataLoader

import multilayer as d2l
from multilayer.errors import DatasetNotFoundError, SettingsError


def test_batches_have_the_books_shapes_and_types(fashion_mnist):
    X, y = next(iter(fashion_mnist.train_dataloader()))
    assert (X.shape, X.dtype) == ((256, 1, 28, 28), torch.float32)
    assert (y.shape, y.dtype) == ((256,), torch.int64)
    assert len(fashion_mnist.train_dataloader()) == 235
    assert len(fashion_mnist.val_dataloader()) == 40


def test_every_byte_becomes_exactly_its_255th():
    values = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    images = d2l.LabelledImages(values, torch.zeros(1, dtype=torch.int64), (16, 16))
    expected = values.to(torch.float32).div(255).reshape(1, 1, 16, 16)
    assert torch.equal(images.as_floats(values), expected)


def test_the_splits_are_data_sets_of_single_images(fashion_mnist):
    assert (len(fashion_mnist.train), len(fashion_mnist.val)) == (60_000, 10_000)
    image, label = fashion_mnist.val[0]
    assert image.shape == (1, 28, 28)
    assert image.dtype == torch.float32
    assert (image.min(), image.max()) == (0, 1)
    assert (type(label), label) == (int, 9)
    with pytest.raises(IndexError):
        fashion_mnist.val[10_000]


def test_pytorchs_loader_over_the_data_set_gives_the_same_batches(fashion_mnist):
    torch.manual_seed(5)
    theirs = next(iter(DataLoader(fashion_mnist.train, 64, shuffle=True)))
    torch.manual_seed(5)
    X, y = next(iter(fashion_mnist.train.batches(64, shuffle=True)))
    assert torch.equal(X, theirs[0])
    assert torch.equal(y, theirs[1])


@pytest.mark.parametrize(("resize", "shape"), [(32, (32, 32)), ((14, 20), (14, 20))])
def test_images_are_resized_batch_by_batch(resize, shape):
    data = d2l.FashionMNIST(batch_size=8, resize=resize)
    X, _ = next(iter(data.val_dataloader()))
    assert X.shape == (8, 1, *shape)
    assert data.val[0][0].shape == (1, *shape)
    assert torch.equal(data.val[0][0], X[0])
    # The mean brightness survives, so it is a picture that was scaled and not cut.
    original = data.val.data[:8].to(torch.float32) / 255
    assert torch.allclose(X.mean((1, 2, 3)), original.mean((1, 2)), atol=0.01)


@pytest.mark.parametrize("resize", [0, (28,), (28, -1), (28.0, 28.0)])
def test_an_impossible_size_is_named(resize):
    with pytest.raises(SettingsError, match=r"resize is .* whole numbers from 1"):
        d2l.FashionMNIST(resize=resize)


def test_a_root_without_the_files_is_an_error(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=str(tmp_path)):
        d2l.FashionMNIST(root=str(tmp_path))


@pytest.mark.parametrize("indices", [[9, 0, 1], (9, 0, 1), torch.tensor([9, 0, 1])])
def test_text_labels_are_the_books(fashion_mnist, indices):
    assert fashion_mnist.text_labels(indices) == ["ankle boot", "t-shirt", "trouser"]


def test_visualize_shows_images_under_their_names(fashion_mnist, pyplot):
    batch = next(iter(fashion_mnist.val_dataloader()))
    fashion_mnist.visualize(batch, nrows=2, ncols=3)
    axes = pyplot.gcf().axes
    assert [ax.get_title() for ax in axes] == fashion_mnist.text_labels(batch[1][:6])
    assert torch.equal(torch.as_tensor(axes[1].images[0].get_array()), batch[0][1, 0])
    fashion_mnist.visualize(batch, ncols=2, labels=["one", "two"])
    assert [ax.get_title() for ax in pyplot.gcf().axes] == ["one", "two"]
