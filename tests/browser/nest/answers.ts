import 'reflect-metadata';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  Module,
  type NestInterceptor,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  BaseWsExceptionFilter,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { concat, map, of, throwError } from 'rxjs';
import type { WebSocket } from 'ws';

@Injectable()
class Nobody implements CanActivate {
  canActivate() {
    return false;
  }
}

@Injectable()
class Wrapped implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    const pattern = context.switchToWs().getPattern();
    return next.handle().pipe(map((v) => ({ event: 'wrapped', data: { v, pattern } })));
  }
}

@Injectable()
class Patterns implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    context.switchToWs().getData().path = context.switchToWs().getPattern();
    return next.handle();
  }
}

@Catch()
class Named implements ExceptionFilter {
  catch(error: Error, host: ArgumentsHost) {
    const ws = host.switchToWs();
    ws.getClient().send(JSON.stringify({ event: 'exception', data: { pattern: ws.getPattern(), message: error.message } }));
  }
}

@Catch()
class WithoutCause extends BaseWsExceptionFilter {
  constructor() {
    super({ includeCause: false });
  }
}

@Catch()
class CauseOfItsOwn extends BaseWsExceptionFilter {
  constructor() {
    super({ causeFactory: (ev) => ({ ev }) });
  }
}

const push = (data: unknown) => ({ event: 'pop', data });
const streamOf = (...values: unknown[]) => of(...values.map((data) => ({ event: 's', data })));

@WebSocketGateway({ path: '/' })
class Application {
  @SubscribeMessage('push')
  push(@MessageBody() data: unknown) {
    return push(data);
  }

  @SubscribeMessage('getClient')
  @UseInterceptors(Patterns)
  getClient(@MessageBody() data: object) {
    return { event: 'popClient', data };
  }

  @SubscribeMessage('getClientWithError')
  @UseFilters(Named)
  getClientWithError() {
    return throwError(() => new WsException('This is an error'));
  }
}

@WebSocketGateway({ path: '/example' })
class Example {
  @SubscribeMessage('push')
  push(@MessageBody() data: unknown) {
    return push(data);
  }
}

@WebSocketGateway({ path: '/error' })
class Failing {
  @SubscribeMessage('push')
  push() {
    return throwError(() => new WsException('test'));
  }
}

@WebSocketGateway({ path: '/a' })
class Answers {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echoed', data };
  }

  @SubscribeMessage('plain')
  plain(@MessageBody() data: unknown) {
    return data;
  }

  @SubscribeMessage('undef')
  undef() {}

  @SubscribeMessage('nul')
  nul() {
    return null;
  }

  @SubscribeMessage('fals')
  fals() {
    return false;
  }

  @SubscribeMessage('zero')
  zero() {
    return 0;
  }

  @SubscribeMessage('empty')
  empty() {
    return '';
  }

  @SubscribeMessage('stream')
  stream() {
    return streamOf(1, 2, 3);
  }

  @SubscribeMessage('streamerr')
  streamerr() {
    return concat(streamOf(1), throwError(() => new WsException('mid')));
  }

  @SubscribeMessage('wsstr')
  wsstr() {
    throw new WsException('str');
  }

  @SubscribeMessage('wsobj')
  wsobj() {
    throw new WsException({ code: 42, message: 'm' });
  }

  @SubscribeMessage('wsarr')
  wsarr() {
    throw new WsException([1, 2]);
  }

  @SubscribeMessage('err')
  err() {
    throw new Error('secret');
  }

  @SubscribeMessage('nocause')
  @UseFilters(WithoutCause)
  nocause() {
    throw new WsException('r');
  }

  @SubscribeMessage('cf')
  @UseFilters(CauseOfItsOwn)
  cf() {
    throw new WsException('r');
  }

  @SubscribeMessage('guarded')
  @UseGuards(Nobody)
  guarded() {
    return true;
  }

  @SubscribeMessage('ic')
  @UseInterceptors(Wrapped)
  ic(@MessageBody() data: unknown) {
    return data;
  }
}

@WebSocketGateway({ path: '/login' })
class Login implements OnGatewayConnection {
  handleConnection(client: WebSocket, request: IncomingMessage) {
    if (request.url?.includes('token=secret')) return;
    client.send(JSON.stringify({ event: 'unauthorized', data: { message: 'invalid token' } }));
    client.close();
  }

  @SubscribeMessage('push')
  push(@MessageBody() data: unknown) {
    return push(data);
  }
}

@Module({ providers: [Application, Example, Failing, Answers, Login] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
console.log(`listening on 127.0.0.1:${app.getHttpServer().address().port}`);
