import { ValidationPipe } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';

export const validation = new ValidationPipe({
  exceptionFactory: (errors) =>
    new WsException({
      status: 'error',
      message: 'Validation failed',
      fields: errors.map((error) => error.property),
    }),
});
