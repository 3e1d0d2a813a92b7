import { attach } from 'engine.io';
import { HEARTBEAT, listen } from './listen.mjs';

listen((http) => {
  const server = attach(http, { ...HEARTBEAT, maxHttpBufferSize: 1e6, cors: { origin: '*' } });
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
});
