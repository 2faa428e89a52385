"""What a worker may still do while it reads a stranger's file: compute, and little else.

Limits of the operating system on memory, time, files and cores; on Linux/x86-64 also a system
call filter (seccomp): no network, no program, no file, no other process. So a parser that is
taken over can give a false reading of that one file, and reach nothing else. Where the filter
is not to be had the limits stand alone (docs/threats.md).
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from typing import Final

DATA_BYTES: Final = 192 * 1024 * 1024
"""Memory of its own that a worker can have; with the libraries' shared pages it stays < 256 MiB."""

ADDRESS_BYTES: Final = 1 << 30
CPU_SECONDS: Final = 2
WALL_SECONDS: Final = 2.6

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_AUDIT_ARCH_X86_64: Final = 0xC000003E
_X32_BIT: Final = 0x40000000
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
"""Verdicts of a filter (linux/seccomp.h); _REFUSE takes an error number."""

_EPERM, _ENOSYS = 1, 38
_CLONE, _CLONE3, _CLONE_THREAD, _TGKILL = 56, 435, 0x10000, 234

_REFUSED: Final = (
    # Network; a pair of sockets between a process's own threads (socketpair) is none.
    *(41, 42, 43, 44, 46, 49, 50, 288, 307),
    # Programs and processes: fork, vfork, execve, execveat, ptrace, process_vm_*, kcmp, pidfd_*.
    *(57, 58, 59, 322, 101, 310, 311, 312, 424, 434, 438, 62, 129, 200, 297),
    # Files by name: open, creat, truncate, rename, link, unlink, mkdir, chmod, chown and kin.
    *(2, 85, 257, 437, 76, 82, 264, 316, 83, 258, 84, 86, 265, 87, 263, 88, 266, 90, 268, 92, 94),
    *(132, 133, 235, 259, 260, 261, 280, 319),
    # The kernel's own: mounts, namespaces, keys, modules, bpf, perf, userfaultfd, io_uring.
    *(155, 161, 165, 166, 272, 308, 248, 249, 250, 175, 313, 321, 298, 323, 425, 426, 427),
)
"""Numbers of x86-64 system calls (asm/unistd_64.h)."""


def limit() -> None:
    """Set this process's limits; each ends the process, or refuses it memory, by the kernel."""
    for what, value in (
        (resource.RLIMIT_DATA, DATA_BYTES),
        (resource.RLIMIT_AS, ADDRESS_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        # Nothing can be written to a file, and a crash leaves no core with the upload in it.
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))
    # Not Python's handler: that would wait for a library that does not come back.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)


def shut_in() -> bool:
    """Refuse this process and its threads all but computing, for good; False if not to be had."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    program = _program(os.getpid())
    code = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(
        struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    )
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    filtered = prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(head), 0, 0)
    return bool(filtered == 0)


def _program(pid: int) -> bytes:
    """Write the filter in BPF; it sees {number, architecture, instruction, arguments}."""
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06

    def one(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("HBBI", code, yes, no, value)

    refuse = one(give, _REFUSE | _EPERM)
    lines = [
        *(one(load, 4), one(equal, _AUDIT_ARCH_X86_64, 1, 0), one(give, _KILL)),
        *(one(load, 0), one(at_least, _X32_BIT, 0, 1), refuse),
        # The C library then asks by the older clone, whose flags can be read here.
        *(one(equal, _CLONE3, 0, 1), one(give, _REFUSE | _ENOSYS)),
        # Threads, but no new process.
        *(one(equal, _CLONE, 0, 4), one(load, 16), one(any_bit, _CLONE_THREAD, 1, 0), refuse),
        one(give, _ALLOW),
        # A signal to itself, as abort sends it, but to nobody else.
        *(one(equal, _TGKILL, 0, 4), one(load, 16), one(equal, pid, 1, 0), refuse),
        one(give, _ALLOW),
    ]
    for number in _REFUSED:
        lines += [one(equal, number, 0, 1), refuse]
    return b"".join([*lines, one(give, _ALLOW)])
