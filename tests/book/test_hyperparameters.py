import pytest
import torch
from torch import nn

import multilayer as d2l
from multilayer.errors import SettingsError


class Parent(d2l.HyperParameters):
    def __init__(self, a, b=2):
        self.save_hyperparameters()


class Child(Parent):
    def __init__(self, a, c, *rest, d, _hidden=5, **more):
        local = a + c
        super().__init__(a)
        self.save_hyperparameters(ignore=["c"])
        self.local = local


def test_a_method_reaches_objects_that_exist_already():
    class Empty:
        pass

    old = Empty()

    @d2l.add_to_class(Empty)
    def double(self, x):
        return 2 * x

    assert old.double(4) == 8
    assert double(None, 3) == 6  # the name still means the function


def test_arguments_become_attributes_and_hparams():
    parent = Parent(1)
    assert (parent.a, parent.b) == (1, 2)
    assert parent.hparams == {"a": 1, "b": 2}


def test_a_subclass_keeps_its_own_arguments_beside_its_parents():
    child = Child(1, 3, 6, 7, d=4, e=8)
    assert (child.a, child.b, child.d, child.rest, child.more) == (1, 2, 4, (6, 7), {"e": 8})
    assert child.hparams == {"a": 1, "d": 4, "rest": (6, 7), "more": {"e": 8}}


def test_ignored_hidden_and_local_names_are_left_out():
    child = Child(1, 3, d=4)
    assert not hasattr(child, "c")
    assert not hasattr(child, "_hidden")
    assert {"self", "c", "_hidden", "local"}.isdisjoint(child.hparams)


def test_hparams_make_the_same_network_again():
    model = d2l.MLP(num_outputs=3, num_hiddens=4, lr=0.5)
    twin = d2l.MLP(**model.hparams)
    assert (twin.num_outputs, twin.num_hiddens, twin.lr) == (3, 4, 0.5)


def test_a_network_given_as_argument_is_registered():
    class Wrapper(d2l.Module):
        def __init__(self, net):
            super().__init__()
            self.save_hyperparameters()

    model = Wrapper(nn.Linear(2, 1))
    assert len(list(model.parameters())) == 2
    assert model(torch.zeros(5, 2)).shape == (5, 1)


def test_one_name_to_ignore_may_stand_without_a_list():
    class Model(d2l.HyperParameters):
        def __init__(self, rate, a, t):
            self.save_hyperparameters(ignore="rate")

    model = Model(0.1, 2, 3)
    assert model.hparams == {"a": 2, "t": 3}
    assert not hasattr(model, "rate")


def test_a_name_to_ignore_that_is_no_argument_is_an_error():
    class Model(d2l.HyperParameters):
        def __init__(self, rate):
            self.save_hyperparameters(ignore=["rat"])

    with pytest.raises(SettingsError, match="'rat', which is no argument; they are rate"):
        Model(0.1)


def test_the_object_is_left_out_whatever_its_name():
    class Settings(d2l.HyperParameters):
        def __init__(this, width):  # noqa: N805
            this.save_hyperparameters()

    assert Settings(3).hparams == {"width": 3}
