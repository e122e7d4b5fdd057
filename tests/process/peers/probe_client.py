"""A client of probe, version 1, written from docs/protocol.md alone. Usage: probe_client.py PORT SCENARIO; prints a line of JSON."""
import json, socket, struct, sys, zlib

HELLO, PING, PONG, GOAWAY, REJECT, BYE, SUMMARY = range(1, 8)


def frame(kind, identifier=0, payload=b"", crc=None):
    crc = zlib.crc32(payload) if crc is None else crc
    return struct.pack(">IBII", 9 + len(payload), kind, identifier, crc) + payload


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.stream = self.socket.makefile("rb")
        self.sent = self.received = self.pings = 0

    def send(self, *frames):
        self.sent += sum(map(len, frames))
        self.socket.sendall(b"".join(frames))

    def read(self):
        """The next frame: type, id, crc, payload; None at the end."""
        header = self.stream.read(13)
        if not header:
            return None
        length, kind, identifier, crc = struct.unpack(">IBII", header)
        payload = self.stream.read(length - 9)
        self.received += 4 + length if kind != SUMMARY else 0
        if kind not in (PING, PONG):
            assert crc == zlib.crc32(payload)
            payload = json.loads(payload)
        return kind, identifier, crc, payload

    def bye(self):
        self.send(frame(BYE))
        kind, _, _, server = self.read()
        assert kind == SUMMARY and self.read() is None
        return {"client": {"receivedBytes": self.received, "sentBytes": self.sent}, "server": server}


def main(port, scenario):
    client = Client(port)
    kind, _, _, first = client.read()
    if kind == REJECT:
        return {"reject": first, "end": client.read() is None}
    assert kind == HELLO and first["version"] == 1
    if scenario == "goaway":
        print(json.dumps({"hello": first}), flush=True)
        return {"goaway": client.read()[3], "books": client.bye()}
    payloads = [b"", "张三".encode(), bytes(range(256)) * 4000]
    client.send(*(frame(PING, 7 + index, payload) for index, payload in enumerate(payloads)))
    same = [client.read() == (PONG, 7 + index, zlib.crc32(payload), payload) for index, payload in enumerate(payloads)]
    client.send(frame(PING, 1, b"not what was summed", crc=zlib.crc32(b"what was summed")))
    corrupt = client.read() == (PONG, 1, zlib.crc32(b"not what was summed"), b"not what was summed")
    return {"hello": first, "same": same, "corrupt": corrupt, "books": client.bye()}


print(json.dumps(main(int(sys.argv[1]), sys.argv[2])), flush=True)
