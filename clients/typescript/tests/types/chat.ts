/** A contract as a generator writes it: interfaces, unions of literals, `null` for no data. */

export interface Posted { id: number; from: string; text: string }
export type Level = "info" | "urgent";

export interface ChatEmits {
  typing: { room: string; writing: boolean };
  leave: null;
  "dotted.name": number;
}

export interface Chat {
  emits: ChatEmits;
  requests: {
    message: { data: { text: string; level?: Level | null | undefined }; reply: Posted };
    rooms: { data: null; reply: string[] };
    find: { data: string | null; reply: Posted | null };
    upload: { data: Uint8Array | string; reply: string };
  };
  streams: {
    ticks: { data: { every: number }; item: number };
    all: { data: null; item: Posted };
  };
  listens: { posted: Posted; left: { name: string }; room: [name: string, members: number] };
  questions: {
    confirm: { data: string; answer: boolean };
    who: { data: null; answer: { name: string } };
  };
}

/** A namespace that only sends. */
export interface Clock {
  listens: { tick: number };
}
