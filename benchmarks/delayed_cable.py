"""Two network namespaces with a cable between them that is slow and long, on one Linux machine.

`tc netem` would do the same where the kernel has it. Here a program is the cable: each namespace
has a TUN device, and two threads take packets from the one to the other, one after the other at a
rate, and each so much later. It needs root.
"""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

ADDRESSES = ("10.231.8.1", "10.231.8.2")
DEVICE = "cable"
_SECONDS_BETWEEN_LOOKS = 0.1  # at whether it is over
_MTU = 60_000  # large, so that a program can keep up with a fast cable
_NEW_NETWORK, _TUN_WITHOUT_HEAD, _SET_DEVICE = 0x40000000, 0x1001, 0x400454CA


class DelayedCable:
    """The cable, while the block runs.

    Args:
        delay_seconds: of a packet, each way.
        bytes_a_second: that it carries, each way; None: as many as the program can.

    Raises:
        OSError, subprocess.CalledProcessError: this machine does not let us make networks.
    """

    def __init__(self, delay_seconds: float = 0.0, bytes_a_second: float | None = None) -> None:
        self._delay, self._rate = delay_seconds, bytes_a_second
        self._names = [f"multilayer-{os.getpid()}-{number}" for number in range(2)]
        self._devices: list[int] = []
        self._threads: list[threading.Thread] = []
        self._is_over = threading.Event()

    def __enter__(self) -> "DelayedCable":
        try:
            for name, address in zip(self._names, ADDRESSES, strict=True):
                ip("netns", "add", name)
                self._devices.append(_device_in(name))
                ip("-n", name, "address", "add", f"{address}/24", "dev", DEVICE)
                ip("-n", name, "link", "set", DEVICE, "mtu", str(_MTU), "up")
                ip("-n", name, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        for source, target in (self._devices, self._devices[::-1]):
            queue: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
            for job, device in ((self._take, source), (self._give, target)):
                self._threads.append(threading.Thread(target=job, args=(device, queue)))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        for device in self._devices:
            os.close(device)

    def end(self, number: int) -> list[str]:
        """What stands before a command that is to run at one of the ends."""
        return ["ip", "netns", "exec", self._names[number]]

    def _take(self, device: int, queue: "SimpleQueue[tuple[float, bytes]]") -> None:
        free = 0.0  # when the cable is through with the packet before
        while not self._is_over.is_set():
            if not select.select([device], [], [], _SECONDS_BETWEEN_LOOKS)[0]:
                continue
            packet = os.read(device, 1 << 16)
            now = time.perf_counter()
            if self._rate is not None:
                free = max(now, free) + len(packet) / self._rate
            queue.put((max(now, free) + self._delay, packet))
        queue.put((0.0, b""))

    def _give(self, device: int, queue: "SimpleQueue[tuple[float, bytes]]") -> None:
        while True:
            due, packet = queue.get()
            if not packet:
                return
            left = due - time.perf_counter()
            if left > 0:
                time.sleep(left)
            try:
                os.write(device, packet)
            except OSError:  # it is down
                continue


def ip(*arguments: str) -> None:
    """Run the command `ip`."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _device_in(name: str) -> int:
    """A TUN device in a namespace, as a file descriptor of this process."""
    library = ctypes.CDLL(None, use_errno=True)
    with (
        Path("/proc/thread-self/ns/net").open() as here,
        Path("/run/netns", name).open() as there,
    ):
        if library.setns(there.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), f"cannot enter the network {name}")
        try:
            device = os.open("/dev/net/tun", os.O_RDWR)
            request = struct.pack("16sH22x", DEVICE.encode(), _TUN_WITHOUT_HEAD)
            fcntl.ioctl(device, _SET_DEVICE, request)
        finally:
            library.setns(here.fileno(), _NEW_NETWORK)
    return device
