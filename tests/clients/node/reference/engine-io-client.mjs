import { attach } from 'engine.io';
import { listen } from './listen.mjs';

const COOKIES = [
  '1=1; Max-Age=86400',
  '2=2; Path=/; HttpOnly; Secure; SameSite=Strict',
  '3=3; Max-Age=0',
  `4=4; Expires=${new Date().toUTCString()}`,
];

listen((http) => {
  const server = attach(http, {
    pingInterval: 500,
    maxHttpBufferSize: 100,
    allowRequest: (request, decide) => decide(null, !request.url.includes('deny')),
  });
  server.on('initial_headers', (headers) => { headers['set-cookie'] = COOKIES; });
  server.on('connection', (socket) => {
    socket.send('hi');
    socket.on('message', (data) => {
      if (data === 'give binary') socket.send(Buffer.from([0, 1, 2, 3, 4]));
      else if (data === 'give utf8') socket.send('пойду спать всем спокойной ночи');
      else if (data === 'sendHeaders') socket.send(JSON.stringify(socket.transport.dataReq?.headers));
      else socket.send(data);
    });
  });
});
