// Showing and checking the policy. None of it changes anything.
import { resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { Host } from "../host.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import type { PolicyChecked, PolicySchema, PolicyShown } from "../types.ts";

const FILE_BYTES_MAX = 4_000_000;

/** The policy in force, as it was signed. */
export async function showPolicy(session: Session): Promise<PolicyShown> {
  await session.sync();
  const { compiled, signedBy, text } = await session.policy();
  const { version, digest, entry } = session.ledger.inForce;
  const [{ describePolicy }, { localState }] = await Promise.all([
    import("../../policy/describe.ts"),
    import("./local-policy.ts"),
  ]);
  const lines = describePolicy(compiled.policy);
  const projectFingerprint = session.config.pin;
  const localFile = await localState(session);
  return { version, digest, text, lines, signedBy, logEntry: entry, localFile, projectFingerprint };
}

/** The same for every project. */
export async function schemaOfPolicies(): Promise<PolicySchema> {
  const { policySchema } = await import("../../policy/json-schema.ts");
  return { text: `${JSON.stringify(policySchema(), undefined, 2)}\n` };
}

/** Reads a policy file as strictly as it will be read when it is signed. @throws CloisterError NOT_FOUND */
export async function checkPolicy(host: Host, file: string): Promise<PolicyChecked> {
  const path = resolve(host.cwd, file);
  const bytes = await readLocal(path, FILE_BYTES_MAX);
  if (!bytes) {
    throw new CloisterError("NOT_FOUND", `there is no file ${file}`, {
      next: "cloister policy check FILE, or run it in a project's folder",
    });
  }
  const [{ readPolicy }, { describePolicy }] = await Promise.all([
    import("../../policy/read.ts"),
    import("../../policy/describe.ts"),
  ]);
  const { policy, problems } = readPolicy(bytes, { now: host.now() });
  return { file, ok: policy !== undefined, problems, lines: policy ? describePolicy(policy) : [] };
}
