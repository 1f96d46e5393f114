// The document of AWS's `credential_process`, warm and cold.
import { processDocument } from "../../credentials/aws-environment.ts";
import type { Session } from "../session.ts";
import type { CredentialOptions } from "../types/creds.ts";
import { type WarmHost, warmCredential } from "./warm.ts";

/** What a credential process prints. */
export type ProcessDocument = Readonly<Record<string, string | number>>;

/** From what is kept, without opening the project; undefined where it has to be issued, or decided again. */
export async function warmProcess(
  host: WarmHost,
  folder: string,
  options: CredentialOptions,
): Promise<ProcessDocument | undefined> {
  const kept = await warmCredential(host, folder, { ...options, provider: "aws" });
  return kept && processDocument(kept.environment);
}

/** @throws CloisterError as `getCredential` */
export async function credentialProcess(session: Session, options: CredentialOptions): Promise<ProcessDocument> {
  const { getCredential } = await import("./issue.ts");
  return processDocument((await getCredential(session, { ...options, provider: "aws" })).environment);
}
