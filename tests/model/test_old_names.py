"""Programs that name the modules of version 0.1 still run, for one release."""

import importlib

import pytest

import multilayer


@pytest.mark.parametrize(
    ("module", "name", "new"),
    [
        ("table_predictor", "load_table_predictor", multilayer.load_predictor),
        ("numpy_predictor", "load_image_predictor", multilayer.load_predictor),
        ("table_file", "save_table_model", multilayer.save_model),
        ("any_model", "load_model", multilayer.load_model),
        ("image_model", "ImageModel", multilayer.Model),
    ],
)
def test_a_name_of_version_0_1_leads_to_the_new_one(module, name, new):
    old = importlib.import_module(f"multilayer.model_file.{module}")
    with pytest.warns(DeprecationWarning, match=rf"{name} is multilayer\.model\..* next release"):
        assert getattr(old, name) is new


def test_other_names_are_not_there():
    from multilayer.model_file import table_predictor

    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = table_predictor.nonsense
