"""Forwards IPv4 packets between two TUN devices and damages them on command.

Usage: path.py CLIENT_DEVICE SERVER_DEVICE; stops at the end of stdin. Each command is one line on stdin, answered with "ok":
  delay    to_server|from_server MILLISECONDS
  loss     to_server|from_server PROBABILITY
  corrupt  to_server|from_server PROBABILITY   changes one byte in the middle of the TCP payload; the checksum stays valid
  mtu      to_server|from_server BYTES         silently drops larger packets
  reset    client|server|both                  forges a RST for each data packet of the client; the data packet still passes
  clear                                        ends every fault
"""
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
TCP, RST, ACK = 6, 0x04, 0x10
NO_FAULT = {"delay": 0.0, "loss": 0.0, "corrupt": 0.0, "mtu": 65_535.0}

# The same packets are lost in each run that sends the same packets.
chance = random.Random(1)


def open_tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
    return device


def checksum(data):
    words = struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def with_tcp_checksum(source, destination, segment):
    pseudo_header = source + destination + struct.pack(">BBH", 0, TCP, len(segment))
    unset = segment[:16] + b"\0\0" + segment[18:]
    return unset[:16] + struct.pack(">H", checksum(pseudo_header + unset)) + unset[18:]


class Packet:
    """The fields of a TCP packet that faults need; `payload` is 0 for anything else."""

    def __init__(self, data):
        self.data = data
        self.payload = 0
        header = (data[0] & 15) * 4
        if data[9] != TCP:
            return
        self.header = header
        self.source, self.destination = data[12:16], data[16:20]
        self.source_port, self.destination_port, self.sequence, self.acknowledgment = struct.unpack_from(">HHII", data, header)
        self.payload_start = header + (data[header + 12] >> 4) * 4
        self.payload = struct.unpack_from(">H", data, 2)[0] - self.payload_start

    def corrupted(self):
        data = bytearray(self.data)
        data[self.payload_start + self.payload // 2] ^= 0x01
        segment = with_tcp_checksum(self.source, self.destination, bytes(data[self.header :]))
        return bytes(data[: self.header]) + segment

    def reset_to_receiver(self):
        return reset(self.source, self.destination, self.source_port, self.destination_port, self.sequence)

    def reset_to_sender(self):
        return reset(self.destination, self.source, self.destination_port, self.source_port, self.acknowledgment)


def reset(source, destination, source_port, destination_port, sequence):
    segment = struct.pack(">HHIIBBHHH", source_port, destination_port, sequence, 0, 5 << 4, RST, 0, 0, 0)
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, TCP, 0) + source + destination
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return header + with_tcp_checksum(source, destination, segment)


class Path:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.delayed = []
        self.forwarded = 0
        self.clear()

    def clear(self):
        self.faults = {"to_server": dict(NO_FAULT), "from_server": dict(NO_FAULT)}
        self.resets = ""

    def command(self, name, *arguments):
        if name == "clear":
            self.clear()
        elif name == "reset":
            self.resets = arguments[0]
        else:
            direction, value = arguments
            self.faults[direction][name] = float(value)

    def forward(self, data, direction, output):
        if data[0] >> 4 != 4:
            return
        faults = self.faults[direction]
        if len(data) > faults["mtu"] or chance.random() < faults["loss"]:
            return
        packet = Packet(data)
        if packet.payload > 0:
            if direction == "to_server":
                self.forge(packet)
            if chance.random() < faults["corrupt"]:
                data = packet.corrupted()
        due = time.monotonic() + faults["delay"] / 1_000
        self.forwarded += 1
        heapq.heappush(self.delayed, (due, self.forwarded, output, data))

    def forge(self, packet):
        if self.resets in ("client", "both"):
            write(self.client, packet.reset_to_sender())
        if self.resets in ("server", "both"):
            write(self.server, packet.reset_to_receiver())

    def send_due(self):
        while self.delayed and self.delayed[0][0] <= time.monotonic():
            _, _, output, data = heapq.heappop(self.delayed)
            write(output, data)

    def wait_seconds(self):
        return max(0.0, self.delayed[0][0] - time.monotonic()) if self.delayed else None


def write(device, data):
    try:
        os.write(device, data)
    except OSError:
        pass  # The device is down or its queue is full: the packet is lost, as on any link.


def main():
    path = Path(*(open_tun(name) for name in sys.argv[1:3]))
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([path.client, path.server, 0], [], [], path.wait_seconds())
        if 0 in readable:
            line = sys.stdin.readline()
            if line == "":
                return
            path.command(*line.split())
            print("ok", flush=True)
        for device, direction, output in ((path.client, "to_server", path.server), (path.server, "from_server", path.client)):
            if device in readable:
                try:
                    path.forward(os.read(device, 65_535), direction, output)
                except OSError:
                    pass  # The device is down.
        path.send_due()


main()
