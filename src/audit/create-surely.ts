// Taking a name in the store when answers get lost: whose object it became is read back.
import { CloisterError } from "../base/errors.ts";
import type { Store } from "../store/store.ts";

const ATTEMPTS_MAX = 3;

/**
 * Creates an object; after a lost answer, reads back whose it is.
 * @throws CloisterError UNAVAILABLE where the store does not answer either
 */
export async function createSurely(
  store: Store,
  name: string,
  bytes: Uint8Array,
  read: () => Promise<Uint8Array | undefined>,
): Promise<"mine" | "theirs"> {
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    try {
      if ((await store.create(name, [bytes])) === "created") return "mine";
    } catch (error) {
      if (!(error instanceof CloisterError) || error.code !== "UNAVAILABLE") throw error;
      failure = error;
    }
    const there = await read();
    if (there) return Buffer.compare(there, bytes) === 0 ? "mine" : "theirs";
  }
  throw failure ?? new CloisterError("UNAVAILABLE", "the store contradicts itself", { next: "try again" });
}
