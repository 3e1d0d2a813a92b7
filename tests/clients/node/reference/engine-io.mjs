import { attach } from 'engine.io';
import { listen } from './listen.mjs';

listen((http) => {
  const server = attach(http, { pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1e6, cors: { origin: '*' } });
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
});
