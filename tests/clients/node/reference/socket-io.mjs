import { Server } from 'socket.io';
import { listen } from './listen.mjs';
import { answerMessages } from './messages.mjs';

listen((http) => {
  const io = new Server(http, {
    pingInterval: 300, pingTimeout: 200, maxPayload: 1e6, connectTimeout: 1000, cors: { origin: '*' },
  });
  io.on('connection', answerMessages);
  io.of('/custom').on('connection', (socket) => socket.emit('auth', socket.handshake.auth));
});
