"""Pictures inside the page: PNG files as data: URIs."""

from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def grey_png(image: NDArray[np.uint8]) -> str:
    """A picture (height, width) of bytes, 0 black, as a data: URI."""
    return _encoded(image)


def signed_png(values: NDArray[Any], limit: float) -> str:
    """Numbers of both signs as colours: blue below zero, white at zero, red above.

    Args:
        values: (height, width); beyond ±limit the colour stays, NaN is transparent.
        limit: above 0; where the colours are strongest.

    Returns:
        A data: URI.
    """
    import matplotlib

    colors = matplotlib.colormaps["RdBu_r"](np.nan_to_num(values / limit) / 2 + 0.5, bytes=True)
    colors[np.isnan(values), 3] = 0
    return _encoded(colors)


def _encoded(pixels: NDArray[np.uint8]) -> str:
    content = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, format="PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(content.getvalue()).decode()}"
