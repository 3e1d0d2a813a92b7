import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';

export class NotInRoom extends Error {
  constructor(readonly room: string) {
    super(`you are not in ${room}`);
  }
}

@Catch(NotInRoom)
export class NotInRoomFilter implements ExceptionFilter {
  catch(error: NotInRoom, host: ArgumentsHost) {
    const client = host.switchToWs().getClient();
    client.emit('exception', { status: 'error', message: error.message, room: error.room });
  }
}
