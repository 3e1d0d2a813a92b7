"""A client of python-socketio: prints what it receives, a JSON list a line, and runs the operations that it reads."""

import json
import sys

import socketio

client = socketio.Client(reconnection=False)


@client.on("*")
def received(event, *args):
    print(json.dumps([event, *args]), flush=True)


client.connect(sys.argv[1], transports=["websocket"])
print("connected", flush=True)
for line in sys.stdin:
    name, request = json.loads(line)
    client.call("do", (name, request))
client.disconnect()
