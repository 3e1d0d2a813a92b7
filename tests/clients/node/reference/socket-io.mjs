import { Server } from 'socket.io';
import { HEARTBEAT, listen } from './listen.mjs';
import { answerMessages } from './messages.mjs';

listen((http) => {
  const io = new Server(http, { ...HEARTBEAT, connectTimeout: 1000, cors: { origin: '*' } });
  io.on('connection', answerMessages);
  io.of('/custom').on('connection', (socket) => socket.emit('auth', socket.handshake.auth));
});
