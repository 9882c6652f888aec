"""Waits for a client with PyPI's websockets and does what standard input says: python ws_server.py OPTIONS, where OPTIONS are JSON:
`deflate` with the parameters to ask for, and what the package takes. First it tells its port."""

import json
import sys

from websockets.sync.server import serve
from ws_steps import follow, take, tell


def serve_one(socket):
    extensions = socket.response.headers.get("Sec-WebSocket-Extensions", "")
    agent = socket.request.headers.get("User-Agent", "")
    tell("open", socket.subprotocol or "", extensions, socket.request.path, agent)
    follow(socket)


with serve(serve_one, "127.0.0.1", 0, **take(json.loads(sys.argv[1]), "server")) as server:
    tell("listening", server.socket.getsockname()[1])
    server.serve_forever()
