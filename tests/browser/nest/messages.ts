import { Injectable } from '@nestjs/common';

@Injectable()
export class Messages {
  private readonly rooms = new Map<string, string[]>();

  add(room: string, text: string): number {
    return this.of(room).push(text);
  }

  of(room: string): string[] {
    if (!this.rooms.has(room)) this.rooms.set(room, []);
    return this.rooms.get(room)!;
  }

  clear(room: string): number {
    return this.of(room).splice(0).length;
  }
}
