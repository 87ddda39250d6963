"""What a report shows of a pack, from its results.json."""

from collections.abc import Mapping
from typing import Any

from multilayer.drawing.html.chart import Bar, BarTable, Table
from multilayer.drawing.html.content import PackContent
from multilayer.pack.pack_document import mixture_table, pack_in_words


def pack_content(pack: Mapping[str, Any]) -> PackContent:
    """Who is in the mixture of a pack, and how it ended.

    Args:
        pack: see `PackDocument`.
    """
    headers, rows = mixture_table(pack)
    tried, mixture = pack_in_words(pack)
    largest = max((one["share"] for one in pack["mixture"]), default=1.0) or 1.0
    shares = [
        Bar(f"draw {one['draw']}", f"{one['share']:.1%}", min(1.0, one["share"] / largest))
        for one in pack["mixture"]
    ]
    return PackContent(
        [f"{tried[0].upper()}{tried[1:]}.", f"In the mixture: {mixture}."],
        Table("Draws in the mixture", headers, rows),
        BarTable("Shares of the mixture", ("draw", "share"), shares),
    )
