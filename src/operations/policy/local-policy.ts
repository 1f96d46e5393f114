// The local policy file, which is a proposal: compared with what is in force, never asked.
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
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

/** Whether the local file is a text that was proposed: `version` and `previous` were set when it was signed. */
export async function isProposedHere(session: Session, { version, digest }: SignedStep): Promise<boolean> {
  const bytes = await readLocal(join(session.config.folder, POLICY_FILE), POLICY_BYTES_MAX);
  if (!bytes) return false;
  // What changes texts reads them, too: not for those who only compare.
  const { setVersion } = await import("../../policy/edit.ts");
  try {
    const text = setVersion(bytes.toString("utf8"), { version, previous: session.ledger.inForce.digest });
    return sha256Hex(text) === digest;
  } catch (error) {
    if (error instanceof CloisterError) return false;
    throw error;
  }
}

interface SignedStep {
  readonly version: number;
  readonly digest: string;
}
