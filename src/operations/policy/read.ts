// Showing, checking and explaining the policy. None of it changes anything.
import { resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { ACTIONS, isAction } from "../../policy/actions.ts";
import { type DecisionRequest, decide } from "../../policy/decide.ts";
import { secondFactorFor } from "../decision.ts";
import type { Host } from "../host.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import type { Explained, ExplainOptions, PolicyChecked, PolicyShown } from "../types.ts";
import { openWorkspaces } from "../workspace/open-workspaces.ts";
import { loadAnswers, saveAnswers } from "./answer-memory.ts";

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

/** What the policy in force would say. Nothing is logged. @throws CloisterError USAGE, NOT_FOUND (no such member) */
export async function explainPolicy(session: Session, options: ExplainOptions): Promise<Explained> {
  await session.sync();
  const { compiled } = await session.policy();
  const { action } = options;
  if (!isAction(action)) {
    const near = ACTIONS.filter((known) => known.includes(action) || action.includes(known.split(".")[1] ?? known));
    throw new CloisterError("USAGE", `there is no action ${action}`, {
      next: near.length > 0 ? `did you mean ${near.join(", ")}?` : `actions: ${ACTIONS.join(", ")}`,
    });
  }
  const member = options.as ?? (await session.me()).id;
  if (!compiled.policy.members.some((known) => known.id === member)) {
    throw new CloisterError("NOT_FOUND", `there is no member ${member}`, { next: "cloister member list" });
  }
  const now = await session.store.now();
  const [onlyDomain] = compiled.policy.domains.length === 1 ? compiled.policy.domains : [];
  const domain = compiled.policy.domains.find(({ id }) => id === (options.domain ?? onlyDomain?.id));
  // Others' logins are on their own devices.
  const me = options.as === undefined ? await session.me() : undefined;
  const factor = me && (await secondFactorFor(session, compiled.policy, me, action, now));
  const question: DecisionRequest = {
    ...{
      action,
      member,
      now,
      class: options.class,
      kind: options.kind ?? (action === "artifact.push" ? "dataset" : undefined),
      domain: options.domain ?? onlyDomain?.id,
    },
    ...{ purpose: options.purpose, justification: options.justification, ttlMs: options.ttlMs },
    openWorkspaces: openWorkspaces(session.ledger, member, now),
    ownWorkspace: true,
    // What a push would write with, so that only what the person controls can refuse it.
    epoch: domain?.epoch,
    mfaAgeMs: factor?.ageMs,
  };
  const answers = await loadAnswers(session.places.cache);
  const decision = await decide(compiled, question, answers);
  await saveAnswers(session.places.cache, answers);
  const { allow, by, refusals, enforcement } = decision;
  return { member, action, allow, policyVersion: compiled.policy.version, by, refusals, enforcement };
}
