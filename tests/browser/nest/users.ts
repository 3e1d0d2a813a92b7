import { Injectable } from '@nestjs/common';

export interface User {
  name: string;
  roles: string[];
}

@Injectable()
export class Users {
  private readonly known = new Map<string, User>([
    ['token-of-ann', { name: 'ann', roles: [] }],
    ['token-of-mod', { name: 'mod', roles: ['moderator'] }],
  ]);

  byToken(token: unknown): User | undefined {
    return this.known.get(String(token));
  }
}
