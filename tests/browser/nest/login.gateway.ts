import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Socket } from 'socket.io';

@WebSocketGateway({ namespace: 'login', cors: { origin: '*' } })
export class LoginGateway implements OnGatewayConnection {
  handleConnection(client: Socket) {
    if (client.handshake.auth.token === 'secret') return;
    client.emit('unauthorized', { message: 'invalid token' });
    client.disconnect();
  }

  @SubscribeMessage('whoami')
  whoami(): string {
    return 'ann';
  }
}
