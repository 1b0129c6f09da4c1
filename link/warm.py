#!/usr/bin/env python3
"""Writes link/warm.ld: the functions of the warm path, so that the linker lays them side by side.

    cargo rustc --release --bin jit -- -C relocation-model=static -C target-feature=+crt-static \\
        -C strip=none -C link-arg=-Wl,-Map=/tmp/jit.map
    cp target/release/jit /tmp/jit    # the benchmark builds it anew, in its own way
    JIT_BENCH_BIN=/tmp/jit cargo bench --bench warm -- link/warm.py /tmp/jit.map > link/warm.ld

The benchmark calls this with its home full of leases around it. Each command is run instruction by
instruction until it becomes its tool. Functions are named without the compiler's hashes, so that the
list outlives a release of Rust or of a crate: what it names and is not there is ignored, what is
missing in it costs a page fault or two.
"""
import bisect, collections, ctypes, os, re, signal, subprocess, sys

COMMANDS = [
    "exec --on aws/held -- true",
    "exec --on kubernetes/held -- true",
    "exec --on postgres/held -- true",
    "exec --on ssh/held -- true",
    "exec-credential kubernetes/held:view",
    "credential-process aws/held:read",
]

TRACEME, GETREGS, SINGLESTEP, SETOPTIONS, STOP_AT_EXEC = 0, 12, 9, 0x4200, 0x10
RIP = 16 * 8  # in struct user_regs_struct of x86_64
# A generic function brings along all that share its name; too many are not worth their place.
LARGEST, LEAST_SHARE, FEW = 100_000, 0.2, 32_000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]


def visited(command):
    """The addresses that a command executes until it execs, in the order of their first time."""
    process = os.fork()
    if process == 0:
        libc.ptrace(TRACEME, 0, None, None)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(command[0], command)
    os.waitpid(process, 0)
    libc.ptrace(SETOPTIONS, process, None, STOP_AT_EXEC)
    registers = ctypes.create_string_buffer(27 * 8)
    addresses = {}
    while libc.ptrace(SINGLESTEP, process, None, None) == 0:
        _, status = os.waitpid(process, 0)
        if os.WIFEXITED(status):
            return addresses
        if status >> 8 == signal.SIGTRAP | 4 << 8:  # it has become its tool
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return addresses
        libc.ptrace(GETREGS, process, None, registers)
        addresses[int.from_bytes(registers[RIP : RIP + 8], "little")] = None
    return addresses


def sections(map_file):
    """Every input section with code: address, size, file, name."""
    line = re.compile(r"\s*([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+ {9}(\S.*):\((\.text\S*)\)$")
    with open(map_file) as lines:
        found = (line.match(text.rstrip()) for text in lines)
        return sorted((int(m[1], 16), int(m[2], 16), m[3], m[4]) for m in found if m)


def pattern(file, section):
    """The section in the linker's words, without hashes and versions."""
    section = re.sub(r"17h[0-9a-f]{16}E|\.llvm\.\d+", "*", section)  # Rust's older names
    section = re.sub(r"Cs[0-9A-Za-z]+_(?=\d)", "Cs*_", section)  # and newer ones
    section = re.sub(r"aws_lc_\d+_\d+_\d+_", "aws_lc_*_", section)
    inside = re.search(r"([^/]+\.(?:a|rlib))\((.*)\)$", file)
    if not inside:
        return "*(%s)" % section if section != ".text" else None
    archive = re.sub(r"-[0-9a-f.]+(?=\.)", "-*", inside[1])
    named = section.count("_") > 1  # a function of its own, or else all of an object
    member = "*" if named else "*" + re.sub(r"^[0-9a-f]{16}-", "", inside[2])
    return "*%s:%s(%s)" % (archive, member, section)


def main():
    map_file, jit = sys.argv[1:]
    linked = sections(map_file)
    starts = [start for start, *_ in linked]
    size = collections.Counter()
    for _, length, file, section in linked:
        size[pattern(file, section)] += length
    warm = {}
    for command in COMMANDS:
        command = [jit, *command.split()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # later ones find its files
        for address in visited(command):
            place = bisect.bisect_right(starts, address) - 1
            start, length, file, section = linked[place]
            if place >= 0 and start <= address < start + length:
                warm.setdefault(pattern(file, section), {})[start] = length
    print("/* The warm path's functions side by side, by link/warm.py: it says how to write this anew. */")
    print("SECTIONS {\n  .text.warm : {")
    for name, found in warm.items():
        length = sum(found.values())
        worth = size[name] <= FEW or length >= size[name] * LEAST_SHARE
        if name and length < LARGEST and worth:
            print("    " + name)
    print("  }\n}\nINSERT BEFORE .text;")


main()
