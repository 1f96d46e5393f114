import type { Readable, Writable } from "node:stream";

/**
 * Where a command's input and output go. Where all three are a terminal, the command gets one, too. Where output and
 * errors are the same stream, what is written to both keeps its order.
 */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}
