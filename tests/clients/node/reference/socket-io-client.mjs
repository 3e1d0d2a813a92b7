import { Server } from 'socket.io';
import { listen } from './listen.mjs';

listen((http) => {
  const io = new Server(http, {
    pingInterval: 2000,
    connectionStateRecovery: {},
    allowRequest: (_, decide) => setTimeout(() => decide(null, true), 10),
  });
  io.use((socket, next) => next(socket.handshake.query.fail ? new Error('Auth failed (main namespace)') : undefined));
  io.of('/no').use((_, next) => next(new Error('Auth failed (custom namespace)')));
  io.of('/foo').on('connection', (socket) => socket.on('getId', (answer) => answer(socket.id)));
  for (const namespace of ['/timeout_socket', '/valid', '/asd']) io.of(namespace);
  io.of('/abc').on('connection', (socket) => socket.emit('handshake', socket.handshake));
  io.on('connection', (socket) => {
    texts(socket);
    dates(socket);
    binaries(socket);
    socket.on('getHandshake', (answer) => answer(socket.handshake));
    socket.on('getId', (answer) => answer(socket.id));
  });
});

function texts(socket) {
  socket.on('hi', () => socket.emit('hi'));
  socket.on('echo', (value, answer) => answer(value));
  socket.on('ack', () => socket.emit('ack', (a, b) => { if (a === 5 && b.test) socket.emit('got it'); }));
  socket.on('false', () => socket.emit('false', false));
  socket.on('getUtf8', () => {
    for (const text of UTF8) socket.emit('takeUtf8', text);
  });
}

const UTF8 = ['てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', 'utf8 — string'];

function dates(socket) {
  socket.on('getAckDate', (_, answer) => answer(new Date()));
  socket.on('getDate', () => socket.emit('takeDate', new Date()));
  socket.on('getDateObj', () => socket.emit('takeDateObj', { date: new Date() }));
}

function binaries(socket) {
  const isText = (data) => data?.hello === 'lol' && data.goodbye === 'gotcha' && Buffer.isBuffer(data.message);
  let first;
  socket.on('doge', () => socket.emit('doge', Buffer.from('asdfasdf')));
  socket.on('buffa', (data) => { if (Buffer.isBuffer(data)) socket.emit('buffack'); });
  socket.on('jsonbuff', (data) => { if (isText(data)) socket.emit('jsonbuff-ack'); });
  socket.on('abuff1', (data) => { first = data; });
  socket.on('abuff2', () => { if (Buffer.isBuffer(first)) socket.emit('abuff2-ack'); });
  socket.on('blob', () => socket.emit('back'));
  socket.on('jsonblob', (data) => { if (isText(data)) socket.emit('jsonblob-ack'); });
  const blobs = [];
  socket.on('blob1', (data) => blobs.push(data));
  socket.on('blob2', (data) => blobs.push(data));
  socket.on('blob3', (data) => {
    if (Buffer.isBuffer(blobs[0]) && blobs[1] === 'second' && Buffer.isBuffer(data)) socket.emit('blob3-ack');
  });
  socket.on('getbin', () => socket.emit('takebin', Buffer.from('asdfasdf')));
}
