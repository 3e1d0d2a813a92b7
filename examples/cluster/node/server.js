// A server of Socket.IO in the cluster of the example: npm install, then REDIS_URL=… PORT=3003 node server.js

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const publisher = createClient({ url: process.env.REDIS_URL });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer(async (request, response) => {
  if (request.url !== '/') return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(await readFile(new URL('../page.html', import.meta.url)));
});
const talk = new Server(http, { adapter: createAdapter(publisher, subscriber) }).of('/talk');

talk.on('connection', (socket) => {
  socket.join('everybody');
  socket.data = { node: 'Socket.IO' };
  socket.on('say', (text) => talk.to('everybody').emit('said', { node: 'Socket.IO', text }));
  socket.on('who', async (answer) => {
    const sockets = await talk.fetchSockets();
    answer(sockets.map(({ data }) => data.node).sort());
  });
});
talk.on('hello', (from) => console.log(`${from} is here`));

http.listen(Number(process.env.PORT ?? 3003), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}/`);
  talk.serverSideEmit('hello', 'Socket.IO');
});
