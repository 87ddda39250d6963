import numpy as np
import torch

import multilayer as d2l


def test_the_books_names_mean_pytorchs_operations():
    x = torch.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], requires_grad=True)
    assert d2l.reshape(x, (3, 2)).shape == (3, 2)
    assert d2l.size(x) == 6
    assert d2l.reduce_sum(x).item() == 5
    assert d2l.reduce_sum(x, axis=0).tolist() == [5, 3, -3]
    assert d2l.reduce_mean(x, axis=1, keepdims=True).shape == (2, 1)
    assert d2l.argmax(x, axis=1).tolist() == [2, 1]
    assert d2l.astype(x, d2l.int32).dtype == torch.int32
    assert d2l.transpose(x).shape == (3, 2)
    assert d2l.expand_dims(x, 1).shape == (2, 1, 3)
    assert d2l.swapaxes(x, 0, 1).shape == (3, 2)
    assert d2l.repeat(x, 2, 1).shape == (4, 3)
    assert d2l.to(x, d2l.cpu()).device == d2l.cpu()
    assert d2l.abs(x).min().item() == 1
    assert isinstance(d2l.numpy(x), np.ndarray)
    assert d2l.concat([x, x], dim=0).shape == (4, 3)
    assert d2l.batch_matmul(d2l.ones((4, 2, 3)), d2l.ones((4, 3, 5))).shape == (4, 2, 5)


def test_every_public_name_is_there():
    import multilayer.book

    assert len(set(multilayer.book.__all__)) == len(multilayer.book.__all__)
    for name in multilayer.book.__all__:
        assert getattr(d2l, name) is getattr(multilayer.book, name)
