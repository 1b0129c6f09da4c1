"""Runs a program for which the kernel refuses a system call, as a file system refuses what it does not have.

refuse.py rename|lock PROGRAM ARGUMENTS: `renameat2` with flags is invalid, or `flock` finds no locks.
"""
import ctypes
import errno
import os
import platform
import struct
import sys

ARM = platform.machine() == "aarch64"
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06


def rule(code, true, false, value):
    return struct.pack("HBBI", code, true, false, value)


RENAMEAT2, FLOCK = (276, 32) if ARM else (316, 73)
FLAGS = 16 + 4 * 8  # the fifth argument in `struct seccomp_data`
rename = [
    rule(LOAD, 0, 0, 0),
    rule(EQUAL, 1, 0, RENAMEAT2),
    rule(RETURN, 0, 0, ALLOW),
    rule(LOAD, 0, 0, FLAGS),
    rule(EQUAL, 0, 1, 0),
    rule(RETURN, 0, 0, ALLOW),
    rule(RETURN, 0, 0, REFUSE | errno.EINVAL),
]
lock = [
    rule(LOAD, 0, 0, 0),
    rule(EQUAL, 0, 1, FLOCK),
    rule(RETURN, 0, 0, REFUSE | errno.ENOLCK),
    rule(RETURN, 0, 0, ALLOW),
]
rules = {"rename": rename, "lock": lock}[sys.argv[1]]
program = ctypes.create_string_buffer(b"".join(rules))


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("rules", ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_void_p] * 4
filter_ = Filter(len(rules), ctypes.addressof(program))
assert libc.prctl(38, 1, None, None, None) == 0, "no_new_privs"
assert libc.prctl(22, 2, ctypes.addressof(filter_), None, None) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[2], sys.argv[2:])
