"""A DNS server that answers every query for an IPv4 address with the same addresses, and fails on command.

Usage: names.py ADDRESS; stops at the end of stdin. Each command is one line on stdin, answered with "ok":
  addresses ADDRESS…   answers with these addresses (TTL 0)
  fail                 answers SERVFAIL
  slow MILLISECONDS    answers this much later
"""
import heapq
import select
import socket
import struct
import sys
import time

RESPONSE, SERVFAIL, A = 0x8180, 2, 1


def answer(query, addresses, failing):
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    kind = struct.unpack_from(">H", query, end - 4)[0]
    records = [] if failing or kind != A else addresses
    flags = RESPONSE | (SERVFAIL if failing else 0)
    header = query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
    return header + question + b"".join(
        struct.pack(">HHHIH", 0xC00C, A, 1, 0, 4) + socket.inet_aton(address) for address in records
    )


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    addresses, failing, delay, replies, sequence = [], False, 0.0, [], 0
    print("ready", flush=True)
    while True:
        timeout = max(0.0, replies[0][0] - time.monotonic()) if replies else None
        readable, _, _ = select.select([server, 0], [], [], timeout)
        if 0 in readable:
            line = sys.stdin.readline()
            if line == "":
                return
            name, *arguments = line.split()
            failing = name == "fail"
            delay = float(arguments[0]) / 1_000 if name == "slow" else 0.0
            addresses = arguments if name == "addresses" else addresses
            print("ok", flush=True)
        if server in readable:
            query, client = server.recvfrom(512)
            sequence += 1
            reply = answer(query, addresses, failing)
            heapq.heappush(replies, (time.monotonic() + delay, sequence, reply, client))
        while replies and replies[0][0] <= time.monotonic():
            _, _, reply, client = heapq.heappop(replies)
            server.sendto(reply, client)


main()
