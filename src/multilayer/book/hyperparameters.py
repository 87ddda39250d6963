"""Two conveniences for writing a class in small pieces, as the book does."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from multilayer.errors import SettingsError

Function = TypeVar("Function", bound=Callable[..., Any])


def add_to_class(Class: type) -> Callable[[Function], Function]:
    """Make a decorator that adds a function to a class that exists already.

    Args:
        Class: the class; objects made from it earlier get the method too.

    Returns:
        A decorator that sets the function as an attribute of `Class` under the function's own
        name and returns the function.

    Examples:
        >>> import multilayer as d2l
        >>> class A:
        ...     pass
        ...
        >>> @d2l.add_to_class(A)
        ... def double(self, number):
        ...     return 2 * number
        ...
        >>> A().double(4)
        8
    """

    def add(function: Function) -> Function:
        setattr(Class, function.__name__, function)
        return function

    return add


class HyperParameters:
    """A class that can keep the arguments of its constructor.

    Examples:
        >>> import multilayer as d2l
        >>> class Settings(d2l.HyperParameters):
        ...     def __init__(self, a, b=2):
        ...         self.save_hyperparameters(ignore="b")
        ...
        >>> Settings(1).a, Settings(1).hparams
        (1, {'a': 1})
    """

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: str | Iterable[str] = ()) -> None:
        """Store the arguments of the function that calls this as attributes and in `hparams`.

        `*args` and `**kwargs` are stored whole, under their own names. Where a class and its
        parent both call this, the attributes of both stay and `hparams` holds the last call's.

        Args:
            ignore: names to leave out, or one name; `self` and names that begin with `_` always
                are.

        Raises:
            SettingsError: `ignore` holds something that is no argument's name.
        """
        this_frame = inspect.currentframe()
        assert this_frame is not None and this_frame.f_back is not None
        caller = inspect.getargvalues(this_frame.f_back)
        given = [name for name in (*caller.args, caller.varargs, caller.keywords) if name]
        if given and caller.locals[given[0]] is self:  # whatever it is called
            given = given[1:]
        left_out = {ignore} if isinstance(ignore, str) else set(ignore)
        for name in left_out - {"self", *given}:
            raise SettingsError(
                f"ignore names {name!r}, which is no argument; they are {', '.join(given)}"
            )
        self.hparams = {
            name: caller.locals[name]
            for name in given
            if name not in {"self", *left_out} and not name.startswith("_")
        }
        for name, value in self.hparams.items():
            setattr(self, name, value)
