"""Tells when TCP to a server worked, without nihao: a new connection every 20 ms, each with one exchange of 8 bytes.

Usage: witness.py HOST ECHO_PORT PORT…; stops at the end of stdin. Output, with times in ms of the monotonic clock:
  reply TIME                    an exchange was answered
  asleep FROM TO                the witness itself did not run
  row TIME COLUMN…              every 50 ms: each row of /proc/net/tcp whose remote port is one of PORT…
"""
import errno
import select
import socket
import struct
import sys
import time

INTERVAL_SECONDS = 0.02
ROWS_INTERVAL_SECONDS = 0.05
ASLEEP_SECONDS = 2 * INTERVAL_SECONDS
GIVE_UP_SECONDS = 4
REQUEST = b"witness\n"
# A RST at the end leaves nothing in TIME_WAIT, which would use up the client's ports.
LINGER_OFF = struct.pack("ii", 1, 0)


def milliseconds():
    return f"{time.monotonic() * 1_000:.1f}"


class Attempt:
    def __init__(self, address):
        self.started = time.monotonic()
        self.reply = b""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
        self.waiting_for = select.EPOLLOUT
        self.failed = self.socket.connect_ex(address) not in (0, errno.EINPROGRESS)

    def advance(self):
        """Returns True when the attempt is over."""
        try:
            if self.waiting_for == select.EPOLLOUT:
                self.socket.send(REQUEST)
                self.waiting_for = select.EPOLLIN
                return False
            data = self.socket.recv(64)
        except OSError:
            return True
        self.reply += data
        if self.reply == REQUEST:
            print("reply", milliseconds())
        return data == b"" or len(self.reply) >= len(REQUEST)


class Witness:
    def __init__(self, address):
        self.address = address
        self.attempts = {}
        self.poll = select.epoll()

    def start(self):
        try:
            attempt = Attempt(self.address)
        except OSError:
            return  # No file or port is free.
        if attempt.failed:
            attempt.socket.close()
            return
        self.attempts[attempt.socket.fileno()] = attempt
        self.poll.register(attempt.socket, attempt.waiting_for)

    def end(self, attempt):
        del self.attempts[attempt.socket.fileno()]
        attempt.socket.close()

    def give_up(self):
        oldest = time.monotonic() - GIVE_UP_SECONDS
        for attempt in [attempt for attempt in self.attempts.values() if attempt.started < oldest]:
            self.end(attempt)

    def advance(self, file):
        attempt = self.attempts.get(file)
        if attempt is None:
            return
        if attempt.advance():
            self.end(attempt)
        else:
            self.poll.modify(file, attempt.waiting_for)


def print_rows(ports):
    now = milliseconds()
    with open("/proc/net/tcp", encoding="ascii") as rows:
        for row in rows:
            columns = row.split()
            if columns[2].rpartition(":")[2] in ports:
                print("row", now, *columns)


def main():
    host, port, *ports = sys.argv[1:]
    ports = {f"{int(port):04X}" for port in ports}
    witness = Witness((host, int(port)))
    witness.poll.register(0, select.EPOLLIN)
    print("ready", flush=True)
    next_attempt = next_rows = last = time.monotonic()
    while True:
        now = time.monotonic()
        if now - last > ASLEEP_SECONDS:
            print(f"asleep {last * 1_000:.1f} {now * 1_000:.1f}")
        last = now
        if now >= next_attempt:
            next_attempt = max(next_attempt + INTERVAL_SECONDS, now)
            witness.give_up()
            witness.start()
        if now >= next_rows:
            next_rows = max(next_rows + ROWS_INTERVAL_SECONDS, now)
            print_rows(ports)
        for file, _ in witness.poll.poll(max(0.0, min(next_attempt, next_rows) - time.monotonic())):
            if file == 0:
                return
            witness.advance(file)
        sys.stdout.flush()


main()
