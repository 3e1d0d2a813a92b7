import { Server } from 'socket.io';
import * as msgpack from 'socket.io-msgpack-parser';
import { listen } from './listen.mjs';
import { answerMessages } from './messages.mjs';

listen((http) => {
  const io = new Server(http, {
    connectTimeout: 1000,
    maxHttpBufferSize: 100_000,
    upgradeTimeout: 1000,
    cors: { origin: '*' },
    allowRequest: (request, decide) =>
      (request.url.includes('deny=1') ? decide('Denied by policy', false) : decide(null, true)),
    ...(process.env.CSR === '1' && { connectionStateRecovery: {} }),
    ...(process.env.PARSER === 'msgpack' && { parser: msgpack }),
  });
  for (const namespace of ['/', '/custom', /^\/dynamic-\d+$/]) io.of(namespace).on('connection', serve);
  const refused = Object.assign(new Error('not authorized'), { data: { content: 'Please retry later' } });
  io.of('/auth-fail').use((_, next) => next(refused));
  io.of('/auth-fail-plain').use((_, next) => next(new Error('nope')));
});

function serve(socket) {
  answerMessages(socket);
  socket.on('ask', () => socket.emit('question', 'q', (...args) => socket.emit('answer', ...args)));
  socket.on('ask-timeout', () => {
    socket.timeout(50).emit('question', 'q', (error) => socket.emit('answer', error?.message ?? 'none'));
  });
  socket.on('join', (room) => socket.join(room));
  socket.on('to', (room, ...args) => socket.to(room).emit('room-msg', ...args));
  socket.on('all', (room, ...args) => socket.nsp.to(room).emit('room-msg', ...args));
  socket.on('big', (n) => socket.emit('big', 'x'.repeat(n)));
  socket.on('burst', (n) => { for (let i = 0; i < n; i += 1) socket.emit('n', i); });
  socket.on('blink', (n) => {
    for (let i = 0; i < n; i += 1) socket.volatile.emit('moved', i);
    socket.emit('stopped', n);
  });
  socket.on('follow', () => {
    let n = 0;
    const following = setInterval(() => socket.volatile.emit('moved', n++), 10);
    socket.on('disconnect', () => clearInterval(following));
  });
  socket.on('typing', (room) => {
    socket.volatile.emit('typing', 'ann');
    socket.nsp.to(room).volatile.emit('typing', 'bob');
  });
  socket.on('kick', () => socket.disconnect());
  socket.on('kick-close', () => socket.disconnect(true));
}
