import type { Readable, Writable } from "node:stream";

/** Where a command's input and output go. On a TTY the child gets the terminal itself. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}
