import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { User } from './users.js';

export const Roles = Reflector.createDecorator<string[]>();

@Injectable()
export class SignedInGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const user: User | undefined = context.switchToWs().getClient().data.user;
    const roles = this.reflector.get(Roles, context.getHandler()) ?? [];
    return user !== undefined && roles.every((role) => user.roles.includes(role));
  }
}
