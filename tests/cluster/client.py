"""A client of python-socketio that a suite drives by lines of JSON: `client.py PORT NAMESPACE TAG`.

It reads `{"id": 1, "event": "join", "args": ["red"]}`, and writes `{"id": 1, "answer": true}` when the event is acknowledged and
`{"event": "said", "args": ["hi"]}` for each event that comes.
"""

import json
import sys
from threading import Lock

import socketio

port, namespace, tag = sys.argv[1:]


writing = Lock()


def say(message):
    with writing:
        print(json.dumps(message), flush=True)


client = socketio.Client(reconnection=False)
client.on("*", lambda event, *args: say({"event": event, "args": args}), namespace=namespace)
client.connect(f"http://127.0.0.1:{port}?tag={tag}", namespaces=[namespace], transports=["websocket"])
say({"event": "open", "args": [client.get_sid(namespace)]})
for line in sys.stdin:
    request = json.loads(line)
    answer = client.call(request["event"], tuple(request["args"]), namespace=namespace)
    say({"id": request["id"], "answer": answer})
client.disconnect()
