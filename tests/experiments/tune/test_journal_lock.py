import subprocess
import sys
import time
from threading import Thread

from multilayer.experiments.tune.journal_lock import JournalLock

HOLDS = """
import sys, time
from pathlib import Path
from multilayer.experiments.tune.journal_lock import JournalLock
JournalLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(600)
"""


def test_a_lock_is_waited_for_and_a_killed_process_holds_none(tmp_path):
    path = tmp_path / "study.journal"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, path], stdout=subprocess.PIPE, text=True
    )
    lock = JournalLock(path)
    waiting = Thread(target=lock.acquire)
    with holder:
        assert holder.stdout.readline() == "held\n"
        waiting.start()
        time.sleep(0.2)
        assert waiting.is_alive()
        holder.kill()
        waiting.join(10)
    assert not waiting.is_alive()
    lock.release()


def test_a_torn_line_is_cut_off(tmp_path):
    path = tmp_path / "study.journal"
    for content, left in ((b"", b""), (b"a\nb", b"a\n"), (b"a\nb\n", b"a\nb\n"), (b"a", b"")):
        path.write_bytes(content)
        JournalLock(path).mend()
        assert path.read_bytes() == left
