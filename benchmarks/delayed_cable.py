"""Two network namespaces with a cable between them that is slow and long, on one Linux machine.

`tc netem` would do the same where the kernel has it. Here a program is the cable: each namespace
has a TUN device, and two threads take packets from the one to the other, one after the other at a
rate, and each so much later. It needs root.
"""

import ctypes
import fcntl
import os
import struct
import subprocess
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

NAMES = ("multilayer-cable-0", "multilayer-cable-1")
ADDRESSES = ("10.231.8.1", "10.231.8.2")
DEVICE = "cable"
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
        self._devices: list[int] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "DelayedCable":
        try:
            for name, address in zip(NAMES, ADDRESSES, strict=True):
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
            thread.daemon = True
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in NAMES:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        for device in self._devices:
            os.close(device)
        for thread in self._threads:
            thread.join(5)

    def _take(self, device: int, queue: "SimpleQueue[tuple[float, bytes]]") -> None:
        free = 0.0  # when the cable is through with the packet before
        while True:
            try:
                packet = os.read(device, 1 << 16)
            except OSError:  # it is closed
                queue.put((0.0, b""))
                return
            now = time.perf_counter()
            if self._rate is not None:
                free = max(now, free) + len(packet) / self._rate
            queue.put((max(now, free) + self._delay, packet))

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
            except OSError:  # it is down, or closed
                continue


def in_namespace(number: int) -> list[str]:
    """What stands before a command that is to run at one of the cable's ends."""
    return ["ip", "netns", "exec", NAMES[number]]


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
