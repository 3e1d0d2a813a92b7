import { UseFilters, UseGuards, UseInterceptors, UsePipes } from '@nestjs/common';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  type WsResponse,
} from '@nestjs/websockets';
import { type Observable, from, map } from 'rxjs';
import type { Namespace, Socket } from 'socket.io';
import { JoinDto, SayDto } from './dto.js';
import { Messages } from './messages.js';
import { NotInRoom, NotInRoomFilter } from './not-in-room.filter.js';
import { Roles, SignedInGuard } from './signed-in.guard.js';
import { StampInterceptor } from './stamp.interceptor.js';
import { Users } from './users.js';
import { validation } from './validation.js';

@WebSocketGateway({ namespace: 'rooms', cors: { origin: '*' } })
@UseGuards(SignedInGuard)
@UsePipes(validation)
@UseFilters(NotInRoomFilter)
export class RoomsGateway implements OnGatewayInit, OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer()
  private readonly server!: Namespace;

  constructor(
    private readonly messages: Messages,
    private readonly users: Users,
  ) {}

  afterInit(server: Namespace) {
    server.use((client, next) => {
      client.data.user = this.users.byToken(client.handshake.auth.token);
      next(client.data.user ? undefined : new Error('Unauthorized'));
    });
  }

  handleConnection(client: Socket) {
    client.join(`user:${client.data.user.name}`);
    client.emit('welcome', { name: client.data.user.name });
  }

  handleDisconnect(client: Socket) {
    this.server.emit('left', { name: client.data.user.name });
  }

  @SubscribeMessage('join')
  @UseInterceptors(StampInterceptor)
  async join(@ConnectedSocket() client: Socket, @MessageBody() { room }: JoinDto) {
    await client.join(room);
    client.to(room).emit('joined', { room, name: client.data.user.name });
    return { people: this.server.adapter.rooms.get(room)?.size };
  }

  @SubscribeMessage('leave')
  leave(@ConnectedSocket() client: Socket, @MessageBody() { room }: JoinDto) {
    client.leave(room);
  }

  @SubscribeMessage('say')
  @UseInterceptors(StampInterceptor)
  say(@ConnectedSocket() client: Socket, @MessageBody() { room, text }: SayDto) {
    if (!client.rooms.has(room)) throw new NotInRoom(room);
    this.server.to(room).emit('said', { room, name: client.data.user.name, text });
    return { number: this.messages.add(room, text) };
  }

  @SubscribeMessage('history')
  history(@MessageBody() { room }: JoinDto): Observable<WsResponse<string>> {
    return from(this.messages.of(room)).pipe(map((data) => ({ event: 'history', data })));
  }

  @SubscribeMessage('whoami')
  whoami(@ConnectedSocket() client: Socket): WsResponse<string> {
    return { event: 'you', data: client.data.user.name };
  }

  @SubscribeMessage('export')
  export(@MessageBody() { room }: JoinDto, @Ack() ack: (text: string) => void) {
    setTimeout(() => ack(this.messages.of(room).join('\n')), 20);
  }

  @SubscribeMessage('clear')
  @Roles(['moderator'])
  clear(@MessageBody('room') room: string): number {
    return this.messages.clear(room);
  }

  @SubscribeMessage('kick')
  @Roles(['moderator'])
  kick(@MessageBody('name') name: string): boolean {
    this.server.in(`user:${name}`).disconnectSockets();
    return true;
  }

  @SubscribeMessage('backup')
  backup() {
    throw new Error('no space left on disk 3 of db-1');
  }
}
