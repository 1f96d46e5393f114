// The local policy file, which is a proposal: compared with what is in force, never asked.
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { POLICY_FILE } from "../config.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";

/** policy.md: the file is at most 1 MB. */
export const POLICY_BYTES_MAX = 1_000_000;

/** How the local policy file compares with what is in force. */
export async function localState(session: Session): Promise<"same" | "differs" | "missing"> {
  const bytes = await readLocal(join(session.config.folder, POLICY_FILE), POLICY_BYTES_MAX);
  if (!bytes) return "missing";
  return sha256Hex(bytes) === session.ledger.inForce.digest ? "same" : "differs";
}
