"""Train on shards whose rows lie in memory as a whole: what training from the disk is held to.

python scale_in_memory.py SHARDS SETTINGS    # SETTINGS: as JSON; prints rows and seconds as JSON
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from multilayer import ColumnRoles, LargeTable
from multilayer.engine.batches import Examples
from multilayer.fit.fit import Fit
from multilayer.shards.shard_folder import Manifest


def main() -> None:
    """Train, and print what it took."""
    shards, changes = Path(sys.argv[1]), json.loads(sys.argv[2])
    manifest = Manifest.read(shards)
    roles = ColumnRoles(tuple(manifest.about["roles"]["target"]))
    table = LargeTable(shards, roles, 2 * 10**9, changes=changes)
    for _ in table.prepare():
        pass
    inputs, targets, _ = manifest.opened(shards).learned.read()
    examples = Examples(torch.from_numpy(inputs), torch.from_numpy(targets))
    fit = Fit(replace(table.prepared, examples=examples))
    seconds = sum(epoch.seconds for epoch in fit.epochs())
    print(json.dumps({"rows": len(examples), "seconds": seconds}))


if __name__ == "__main__":
    main()
