"""Follows the stream at the URL with PyPI's httpx-sse, in the loop that its page leaves to the program: it resumes."""

import sys

import httpx
from httpx_sse import connect_sse

url, last, first = sys.argv[1], "", True
while True:
    try:
        with httpx.Client(timeout=None, trust_env=False) as client:
            headers = {"Last-Event-ID": last} if last else {}
            with connect_sse(client, "GET", url, headers=headers) as source:
                for event in source.iter_sse():
                    last = event.id or last
                    # It also yields blocks without data, such as that of a `retry`.
                    if not event.data:
                        continue
                    if event.event != "connected":
                        print(event.event, event.data, flush=True)
                    elif first:
                        print("connected", flush=True)
                        first = False
    except httpx.TransportError:
        pass
