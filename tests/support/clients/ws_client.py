"""Connects to the URL with PyPI's websockets and does what standard input says: python ws_client.py URL OPTIONS, where OPTIONS are JSON:
`deflate` with the parameters to offer, and what the package takes."""

import json
import sys

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from ws_steps import follow, take, tell

try:
    with connect(sys.argv[1], proxy=None, **take(json.loads(sys.argv[2]), "client")) as socket:
        tell("open", socket.subprotocol or "", socket.response.headers.get("Sec-WebSocket-Extensions", ""))
        follow(socket)
except InvalidStatus as refused:
    tell("refused", refused.response.status_code, (refused.response.body or b"").decode())
