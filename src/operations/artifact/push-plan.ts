// What a push is to be: filled in from the policy and the workspace, before anything is read or stored.
import { CloisterError } from "../../base/errors.ts";
import { checkLabel, parseReference } from "../../base/name.ts";
import type { Policy } from "../../policy/schema.ts";
import type { Ask } from "../guard.ts";
import type { Session } from "../session.ts";
import type { PushOptions } from "../types.ts";
import { type PushedFrom, pushedFrom } from "../workspace/source.ts";
import type { Crossing } from "./crossing.ts";
import { declaredFields } from "./judge-push.ts";
import { rank } from "./label.ts";
import { floorOf, floorText } from "./label-floor.ts";
import { domainOf } from "./resolve.ts";

/** A push as it was asked for, with everything that follows from the policy and the workspace filled in. */
export interface PushPlan {
  readonly options: PushOptions;
  readonly domain: string;
  readonly name: string;
  readonly label: string | undefined;
  readonly class: string;
  readonly classFrom: string;
  readonly kind: NonNullable<PushOptions["kind"]>;
  readonly purpose: string | undefined;
  readonly from: PushedFrom | undefined;
  /** The highest class among what it was made from, as far as that is known. */
  readonly inputs: Label | undefined;
  /** Where it comes from another domain. */
  readonly crossing?: Crossing | undefined;
}

type Label = NonNullable<PushedFrom["label"]>;

/** Each of the texts that a person declares; they stand in header, manifest and log. */
const TEXT_BYTES_MAX = 4096;

/** @throws CloisterError USAGE, NOT_FOUND (workspace) */
export async function planPush(
  session: Session,
  options: PushOptions,
  carried: Label | undefined,
  isCrossing = false,
): Promise<PushPlan> {
  for (const field of ["owner", "licence", "purpose", "justification"] as const) {
    if (Buffer.byteLength(options[field] ?? "") <= TEXT_BYTES_MAX) continue;
    throw new CloisterError("USAGE", `the ${field} is too long`, { why: `at most ${String(TEXT_BYTES_MAX)} bytes` });
  }
  const { policy } = (await session.policy()).compiled;
  const reference = parseReference(options.name);
  if (reference.version.kind === "digest" || reference.version.kind === "number") {
    throw new CloisterError("USAGE", `${options.name} cannot be pushed to`, {
      why: "numbers are given in order, digests follow from the content",
      next: `--name ${reference.name} or --name ${reference.name}:LABEL`,
    });
  }
  if (options.name.endsWith(":latest")) checkLabel("latest");
  if (reference.version.kind === "label") checkNoStage(policy, reference.version.label);
  const from = options.from === undefined ? undefined : await pushedFrom(session, options.from);
  const domain = domainOf(policy, reference.domain ?? from?.domain);
  if (from && from.domain !== domain) {
    throw new CloisterError("USAGE", `workspace ${from.name} belongs to domain ${from.domain}`, {
      next: `--name ${from.domain}/${reference.name}`,
    });
  }
  const [lowest = ""] = policy.classifications;
  // A class that readers would not accept is none to begin with.
  const isMadeHere = !from?.ran && !isCrossing;
  const floor = isMadeHere ? await floorHere(session, policy) : undefined;
  const inputs = higher(policy, from ? from.label : carried, floor);
  const inherited = inputs && { class: inputs.class, classFrom: inputs.from };
  const given = options.class === undefined ? undefined : { class: options.class, classFrom: "asked" };
  if (given && !policy.classifications.includes(given.class)) {
    throw new CloisterError("USAGE", `the policy has no class ${given.class}`, {
      next: `--class, one of: ${policy.classifications.join(", ")}`,
    });
  }
  return {
    options,
    domain,
    name: reference.name,
    label: reference.version.kind === "label" ? checkLabel(reference.version.label) : undefined,
    ...(given ?? inherited ?? { class: lowest, classFrom: "lowest class" }),
    kind: options.kind ?? "dataset",
    purpose: options.purpose ?? from?.purpose,
    from,
    inputs,
  };
}

function higher({ classifications }: Policy, one: Label | undefined, other: Label | undefined): Label | undefined {
  return rank(classifications, other?.class) > rank(classifications, one?.class) ? other : one;
}

/** The label that readers give a push without a run, as of now; the guard looks again when it decides. */
async function floorHere(session: Session, policy: Policy): Promise<Label | undefined> {
  const { labelFloor, classifications } = policy;
  if (!labelFloor) return undefined;
  const [{ id: member }, timeMs] = [await session.me(), await session.clock()];
  const { ledger } = session;
  const asked = { member, before: ledger.events.length, timeMs, floorMs: labelFloor.ms, classifications };
  const floor = floorOf(ledger, asked);
  return floor && { class: floor.class, from: floorText(floor) };
}

/** What the guard is asked. */
export async function askOf(session: Session, plan: PushPlan): Promise<Ask> {
  const { options, domain, kind, purpose, from } = plan;
  const { owner, licence, justification } = options;
  const fields = declaredFields({ owner, licence, purpose, justification });
  const reference = `${domain}/${plan.name}${plan.label === undefined ? "" : `:${plan.label}`}`;
  return {
    title: `push ${reference} as ${plan.class}`,
    action: "artifact.push",
    domain,
    class: plan.class,
    kind,
    purpose,
    justification,
    fields,
    provenance: (from?.ran ?? plan.crossing?.ran) ? "run" : "none",
    label: plan.inputs,
    epoch: (await session.keys.newest({ domain, class: plan.class })).epoch,
    workspace: from?.id,
    reference,
    ...(plan.crossing && { facts: plan.crossing.facts, fromStore: true }),
    sealed: { artifact: reference, kind, purpose, justification, owner, licence, workspace: from?.name },
  };
}

/** @throws CloisterError USAGE: a reference with the word means what was promoted to the stage */
function checkNoStage({ stages }: Policy, label: string): void {
  if (!stages.includes(label)) return;
  throw new CloisterError("USAGE", `${label} cannot be a version label`, {
    why: "it is a stage, and leads to what was promoted there last",
    next: "choose another label, or leave it out and the version gets the next number",
  });
}
