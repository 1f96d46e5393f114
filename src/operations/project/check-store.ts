// What `doctor` says of the store: whether its server keeps the promise that everything rests on.
import { CloisterError, explained } from "../../base/errors.ts";
import type { Session } from "../session.ts";
import type { Diagnosis } from "../types.ts";

type Finding = Diagnosis["checks"][number];

/** Lets writers race in the store's own bucket; nothing to say of a folder, where the system is known to keep its promise. */
export async function checkStore({ store }: Session): Promise<readonly Finding[]> {
  const name = "store";
  if (!store.prove) return [];
  try {
    await store.prove();
    const text = `${store.url}: of 16 racing writers of one name exactly one won`;
    return [{ name, state: "good", text, next: undefined }];
  } catch (error) {
    if (!(error instanceof CloisterError)) throw error;
    // Who may not write there cannot try it out, and need not.
    const state = error.code === "FAILURE" ? "unknown" : "bad";
    return [{ name, state, text: explained(error), next: error.next }];
  }
}
