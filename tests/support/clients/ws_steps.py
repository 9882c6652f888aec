"""What PyPI's websockets does on one connection, a line of standard input each, with one line of standard output for it."""

import hashlib
import json
import sys

from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory


def tell(*line):
    print(json.dumps(line), flush=True)


def follow(socket):
    for line in sys.stdin:
        step, *rest = json.loads(line)
        try:
            tell(*STEPS[step](socket, *rest))
        except ConnectionClosed:
            tell(*closed(socket))


def message(socket):
    data = socket.recv()
    return ("text", data) if isinstance(data, str) else ("binary", data.hex())


def text(socket, data):
    socket.send(data)
    return message(socket)


def binary(socket, data):
    socket.send(bytes.fromhex(data))
    return message(socket)


def no_text(socket, data):
    socket.send(bytes.fromhex(data), text=True)
    return message(socket)


def fragments(socket, *parts):
    socket.send(iter(parts))
    return message(socket)


def fill(socket, kind, size, frame):
    """A long message there and back, in frames of so many bytes."""
    data = filled(kind, size)
    parts = [data[at : at + frame] for at in range(0, size, frame)] or [data]
    socket.send(iter(parts) if len(parts) > 1 else data)
    echo = socket.recv()
    kind, echo = ("text", echo.encode()) if isinstance(echo, str) else ("binary", echo)
    data = data.encode() if isinstance(data, str) else data
    return kind, len(echo), hashlib.sha1(echo).digest() == hashlib.sha1(data).digest()


def filled(kind, size):
    """Text that compresses, or bytes that do not (xorshift32)."""
    if kind == "text":
        return ("wired for the tide, " * (size // 20 + 1))[:size]
    state, data = 2463534242, bytearray()
    for _ in range(size):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        data.append(state & 255)
    return bytes(data)


def ping(socket, data):
    answered = socket.ping(data)
    return ("pong", data) if answered.wait(30) else ("nothing",)


def close(socket, code, reason):
    socket.close(code or 1000, reason or "")
    return closed(socket)


def closed(socket):
    try:
        while True:
            socket.recv()
    except ConnectionClosed:
        socket.wait_closed(30)
        return "closed", socket.close_code, socket.close_reason


STEPS = {
    "text": text,
    "binary": binary,
    "no text": no_text,
    "fragments": fragments,
    "fill": fill,
    "ping": ping,
    "receive": message,
    "close": close,
    "closed": closed,
}


def take(options, extensions):
    """Splits what the tests say from what the package takes."""
    deflate = options.pop("deflate", None)
    factory = {"client": ClientPerMessageDeflateFactory, "server": ServerPerMessageDeflateFactory}[extensions]
    return {
        "compression": None,
        "extensions": [factory(**deflate)] if deflate is not None else None,
        "ping_interval": None,
        "max_size": 1 << 26,
        **options,
    }
