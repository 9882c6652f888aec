"""Follows the stream at the URL with PyPI's sseclient-py over requests, in the loop that its page leaves to the program: it resumes."""

import sys

import requests
import sseclient

url, last, first = sys.argv[1], "", True
session = requests.Session()
session.trust_env = False
while True:
    try:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        with session.get(url, stream=True, headers=headers) as response:
            for event in sseclient.SSEClient(response).events():
                last = event.id or last
                if event.event != "connected":
                    print(event.event, event.data, flush=True)
                elif first:
                    print("connected", flush=True)
                    first = False
    except requests.RequestException:
        pass
