// What members stated about a version, as far as the log bears it out.
import type { LoggedEvent } from "../../audit/taken.ts";
import { SHA256 } from "../../base/record.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import type { EvidenceResult } from "../../provenance/evidence.ts";
import type { Session } from "../session.ts";
import type { Ignored } from "../types.ts";
import { factText } from "./fact-text.ts";
import type { Act } from "./facts.ts";
import { type Happened, happenedTo } from "./happened.ts";
import { judge, refusalText } from "./judge.ts";

/** A statement that its signer was entitled to. */
export interface Stated {
  readonly kind: string;
  readonly result: EvidenceResult;
  /** Member id. */
  readonly by: string;
  /** SHA-256 of the statement. */
  readonly digest: string;
  readonly done: LoggedEvent;
}

/** Statements about the version that count towards a decision. */
export async function evidenceOf(act: Act): Promise<GovernanceFacts> {
  if (act.versionId === undefined || !restsOnEvidence(act)) return {};
  const { stated } = await statementsAbout(act.session, act.versionId, act);
  const stands = standing(stated);
  const failing = stands.filter(({ result }) => result === "fail");
  // One who says `fail` outweighs all others.
  const failed = new Set(failing.map(({ kind }) => kind));
  const evidence = stands.filter(({ result, kind }) => result === "pass" && !failed.has(kind));
  const brief = ({ kind, by }: Stated) => ({ kind, by });
  return { evidence: evidence.map(brief), failing: failing.map(brief) };
}

function restsOnEvidence({ policy, action }: Act): boolean {
  const gated = action === "artifact.promote" && policy.gates.some((gate) => gate.evidence.length > 0);
  return gated || policy.rules.some((rule) => rule.evidence.length > 0 && rule.on.some((on) => on === action));
}

/** Everything stated about a version, in the order of the log, and what was logged as stated and does not count. */
export async function statementsAbout(
  session: Session,
  versionId: string,
  { kind, before }: { readonly kind?: string | undefined; readonly before?: number | undefined },
): Promise<{ readonly stated: readonly Stated[]; readonly ignored: readonly Ignored[] }> {
  const stated: Stated[] = [];
  const ignored: Ignored[] = [];
  for (const happened of happenedTo(session.ledger, versionId, "artifact.attest", before)) {
    const { intent, done } = happened;
    const said = statedIn(happened);
    const refusal = said && (await judge(session, intent, { kind, effect: done }));
    const what = `a statement of ${done.member} (#${String(done.entry)})`;
    if (said && !refusal) stated.push(said);
    else ignored.push({ what, why: refusal ? refusalText(intent, refusal) : "it does not say what it states" });
  }
  return { stated, ignored };
}

function statedIn({ intent: { event }, done }: Happened): Stated | undefined {
  const kind = factText(event, "kind");
  const result = factText(event, "result");
  const digest = factText(event, "digest");
  if (kind === undefined || (result !== "pass" && result !== "fail") || !SHA256.test(digest ?? "")) return undefined;
  return { kind, result, by: done.member, digest: digest ?? "", done };
}

/** A member's last word on a kind is what they say of it. */
export function standing(stated: readonly Stated[]): readonly Stated[] {
  const last = new Map(stated.map((each) => [`${each.kind}/${each.by}`, each]));
  return stated.filter((each) => last.get(`${each.kind}/${each.by}`) === each);
}
