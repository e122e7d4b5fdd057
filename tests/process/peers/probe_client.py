"""A client of probe, version 1, written from docs/protocol.md alone. Usage: probe_client.py PORT SCENARIO; prints lines of JSON."""
import json, socket, struct, sys, zlib

HELLO, PING, PONG, GOAWAY, REJECT, BYE, SUMMARY, LAST, ENDED = range(1, 10)
TIMES = struct.Struct(">QQI")


def frame(kind, identifier=0, payload=b"", crc=None):
    crc = zlib.crc32(payload) if crc is None else crc
    return struct.pack(">IBI", 9 + len(payload), kind, identifier) + payload + struct.pack(">I", crc)


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.stream = self.socket.makefile("rb")
        self.sent = self.received = 0

    def send(self, *frames):
        self.sent += sum(map(len, frames))
        self.socket.sendall(b"".join(frames))

    def read(self):
        """The next frame: type, id, payload (decoded if it is JSON), times (of a PONG); None at the end."""
        header = self.stream.read(9)
        if not header:
            return None
        length, kind, identifier = struct.unpack(">IBI", header)
        covered = self.stream.read(length - 5 - 4)
        (crc,) = struct.unpack(">I", self.stream.read(4))
        assert crc == zlib.crc32(covered)
        self.received += 4 + length if kind != SUMMARY else 0
        if kind != PONG:
            return kind, identifier, json.loads(covered), None
        return kind, identifier, covered[: -TIMES.size], TIMES.unpack(covered[-TIMES.size :])

    def last(self, boot, connection):
        self.send(frame(LAST, payload=json.dumps({"boot": boot, "connection": connection}).encode()))
        kind, _, ended, _ = self.read()
        assert kind == ENDED
        return ended

    def bye(self):
        self.send(frame(BYE))
        kind, _, server, _ = self.read()
        assert kind == SUMMARY and self.read() is None
        return {"client": {"receivedBytes": self.received, "sentBytes": self.sent}, "server": server}


def exchange(client):
    """Whether each of three payloads came back, and whether the server's times are in order."""
    payloads = [b"", "张三".encode(), bytes(range(256)) * 4000]
    client.send(*(frame(PING, 7 + index, payload) for index, payload in enumerate(payloads)))
    pongs = [client.read() for _ in payloads]
    same = [pong[:3] == (PONG, 7 + index, payload) for index, (pong, payload) in enumerate(zip(pongs, payloads))]
    received, sent, _ = zip(*(times for *_, times in pongs))
    ordered = [received, sent] == [tuple(sorted(received)), tuple(sorted(sent))]
    return {"same": same, "ordered": ordered and all(0 < first <= last for first, last in zip(received, sent))}


def main(port, scenario):
    client = Client(port)
    kind, _, first, _ = client.read()
    if kind == REJECT:
        return {"reject": first, "end": client.read() is None}
    assert kind == HELLO and first["version"] == 1
    if scenario == "goaway":
        print(json.dumps({"hello": first}), flush=True)
        return {"goaway": client.read()[2], "totals": client.bye()}
    exchanged = exchange(client)
    client.send(frame(PING, 1, b"changed on the way", crc=zlib.crc32(b"as it was sent")))
    corrupt = client.read()[:3] == (PONG, 1, b"changed on the way")
    ended = client.last("another boot", first["connection"])
    return {"hello": first, "exchanged": exchanged, "corrupt": corrupt, "ended": ended, "totals": client.bye()}


print(json.dumps(main(int(sys.argv[1]), sys.argv[2])), flush=True)
