import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LoginGateway } from './login.gateway.js';
import { Messages } from './messages.js';
import { RoomsGateway } from './rooms.gateway.js';
import { Users } from './users.js';

@Module({ providers: [RoomsGateway, LoginGateway, Messages, Users] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
console.log(`listening on 127.0.0.1:${app.getHttpServer().address().port}`);
