"""Damage and malice, made by chance: other files of the same kind, most of them broken."""

import hashlib
import json
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path

KEPT = Path(__file__).parent / "kept"
CHECKSUM_PLACE = slice(35, 99)
INTERESTING = (0, 1, -1, 2**31 - 1, 2**32, 2**63 - 1, 2**64, 10**30, 0.5, 1e308, "", "F32", None)


def sealed(content: bytearray) -> bytearray:
    """A model file with the right checksum: what a stranger can make too."""
    if len(content) >= CHECKSUM_PLACE.stop:
        content[CHECKSUM_PLACE] = b"0" * 64
        content[CHECKSUM_PLACE] = hashlib.sha256(content).hexdigest().encode()
    return content


def parts(content: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header: object, data: bytes) -> bytearray:
    text = json.dumps(header, separators=(",", ":")).encode()
    return bytearray(struct.pack("<Q", len(text)) + text + data)


def mutated_value(value: object, chance: random.Random) -> object:
    """Somewhere within a JSON value, something else."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        changed = dict(value)
        fate = chance.random()
        if fate < 0.1:
            del changed[name]
        elif fate < 0.2:
            changed[chance.choice(("x", "", "kind", "__metadata__", "shape", name * 2))] = 1
        else:
            changed[name] = mutated_value(value[name], chance)
        return changed
    if isinstance(value, list) and value and chance.random() < 0.85:
        place, changed = chance.randrange(len(value)), list(value)
        fate = chance.random()
        if fate < 0.15:
            del changed[place]
        elif fate < 0.3:
            changed.insert(place, chance.choice(INTERESTING))
        else:
            changed[place] = mutated_value(value[place], chance)
        return changed
    if isinstance(value, int) and chance.random() < 0.5:
        return value + chance.choice((-1, 1, 7, 64, -value * 2, value))
    if isinstance(value, str) and len(value) > 1 and chance.random() < 0.5:
        place = chance.randrange(len(value))
        return (
            value[:place] + chance.choice(("", "\0", "9", '"', "\ud800", "é")) + value[place + 1 :]
        )
    return chance.choice((*INTERESTING, [], {}, [[]], True))


def mutated_bytes(content: bytes, chance: random.Random) -> bytearray:
    """Somewhere within bytes, other bytes."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        place = chance.randrange(len(changed) + 1)
        fate = chance.randrange(6)
        if fate == 0 and changed:
            changed[place % len(changed)] ^= 1 << chance.randrange(8)
        elif fate == 1:
            del changed[place : place + chance.choice((1, 2, 8, 100))]
        elif fate == 2:
            changed[place:place] = chance.randbytes(chance.choice((1, 2, 8, 100)))
        elif fate == 3:
            changed[place : place + 8] = struct.pack("<Q", chance.choice((0, 1, 2**31, 2**63)))
        elif fate == 4:
            changed[place : place + 4] = struct.pack(">I", chance.choice((0, 1, 2**31, 2**32 - 1)))
        else:
            del changed[place:]
    return changed


def mutated_model(content: bytes, chance: random.Random) -> bytearray:
    fate = chance.random()
    if fate < 0.25:
        changed = mutated_bytes(content, chance)
        return sealed(changed) if chance.random() < 0.7 else changed
    header, data = parts(content)
    if fate < 0.55:
        document = json.loads(header["__metadata__"]["multilayer"])
        text = json.dumps(mutated_value(document, chance))
        header["__metadata__"]["multilayer"] = text
    elif fate < 0.9:
        header = mutated_value(header, chance)
    else:
        data = bytes(mutated_bytes(data, chance))
    return sealed(joined(header, data))


def assert_survives(
    read: Callable[[Path], object], errors: tuple, path: Path, content: bytes
) -> bool:
    """Read a mutant; whether it was accepted. One that does harm is kept."""
    path.write_bytes(content)
    began = time.process_time()
    try:
        read(path)
    except errors as error:
        accepted = False
        message = str(error)
        assert "\n" not in message
        assert 0 < len(message) < 1500
    except BaseException:
        KEPT.mkdir(exist_ok=True)
        name = f"{path.name}-{hashlib.sha256(content).hexdigest()[:12]}"
        (KEPT / name).write_bytes(content)
        raise
    else:
        accepted = True
    assert time.process_time() - began < 1
    return accepted
