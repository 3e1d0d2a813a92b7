#!/usr/bin/env bash
# rxjs 7.8.2 `webSocket` with `retry`, and sockette 2.0.6: a server that restarts and says so with close code 1001 (going away) is
# never seen again. Both reconnect after a code that tells of a fault.
#
# rxjs completes the stream where the close was clean, whatever the code, and `retry` acts on errors only. So 1001, 1012 and an
# application's 4500 all end it for good; a connection that was reset is retried. sockette takes 1000, 1001 and 1005 for an end that was
# wished for. A server that drains with 1001 so loses these clients until somebody loads the page again; sockette comes back
# after 1012.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund rxjs@7.8.2 sockette@2.0.6 ws@8.18.3
cat >try.js <<'JS'
const { once } = require("node:events");
const { WebSocket, WebSocketServer } = require("ws");
const { retry } = require("rxjs");
const { webSocket } = require("rxjs/webSocket");
const Sockette = require("sockette");
globalThis.WebSocket = WebSocket;

// Ends the first connection in the given way; says whether a second one comes within a second.
async function comesBack(connect, end) {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    const stop = connect(`ws://127.0.0.1:${server.address().port}`);
    const [first] = await once(server, "connection");
    end(first);
    const back = await Promise.race([
        once(server, "connection").then(() => true),
        new Promise((resolve) => setTimeout(resolve, 1000, false)),
    ]);
    stop();
    server.clients.forEach((client) => client.terminate());
    server.close();
    return back;
}

const rxjs = (url) => {
    const subscription = webSocket({ url, WebSocketCtor: WebSocket }).pipe(retry({ delay: 10 })).subscribe({ error() {} });
    return () => subscription.unsubscribe();
};
const sockette = (url) => {
    const socket = new Sockette(url, { timeout: 10, maxAttempts: 3 });
    return () => socket.close();
};

(async () => {
    const seen = {};
    for (const [name, connect] of Object.entries({ rxjs, sockette })) {
        for (const code of [1001, 1012]) seen[`${name}, ${code}`] = await comesBack(connect, (it) => it.close(code));
        seen[`${name}, reset`] = await comesBack(connect, (it) => it.terminate());
    }
    console.log("connects again after:", seen);
    require("node:assert").deepStrictEqual(seen, {
        "rxjs, 1001": false, "rxjs, 1012": false, "rxjs, reset": true,
        "sockette, 1001": false, "sockette, 1012": true, "sockette, reset": true,
    });
    process.exit(0);
})();
JS
timeout 60 node try.js
