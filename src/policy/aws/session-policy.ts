// The inline session policy that goes with sts:AssumeRole: what one member may do with one set of credentials.
import { CloisterError, type ErrorDetails } from "../../base/errors.ts";
import { memberOf, type Policy } from "../schema.ts";
import { documentOf, type PolicyDocument } from "./document.ts";
import { includes, permissionsOf } from "./permissions.ts";
import { allows, type Held, type Place, type Reach, reachOf } from "./reach.ts";

/** STS takes 2,048 characters of session policies in all; the rest is left to who adds one of their own. */
const SESSION_POLICY_CHARS_MAX = 2000;

/** From the most readable: the first that fits. What is beside the data is left out last. */
const SPELLINGS = [
  { terse: false, bare: false },
  { terse: true, bare: false },
  { terse: true, bare: true },
] as const;

export interface SessionPolicyOptions {
  readonly member: string;
  /** One role of theirs; undefined: all that they hold. */
  readonly role?: string | undefined;
  /** Only this domain. */
  readonly domain?: string | undefined;
  /** No class above this one. */
  readonly upTo?: string | undefined;
  /** Only where the decision was yes: facts that are known when a session is issued may refuse more. */
  readonly places?: readonly Place[] | undefined;
  readonly purpose?: string | undefined;
  /** Nothing is created, not even in the log. */
  readonly readOnly?: boolean | undefined;
  /** ms since 1970. */
  readonly now: number;
}

export interface SessionPolicy {
  readonly document: PolicyDocument;
  /** The document as it is sent. */
  readonly text: string;
  readonly chars: number;
  /** One for each statement, in order: what it is for, and the lines of the policy file that it rests on. */
  readonly statements: readonly { readonly what: string; readonly lines: readonly number[] }[];
}

/**
 * Compiles it. It never allows what the policy refuses a person in any case; facts that names of objects do not tell
 * (kinds, fields, where a push came from) are said in `statements` to be unseen.
 *
 * @throws {@link CloisterError} POLICY_DENIED where nothing can be issued (suspended, expired, no role that may
 * `creds.issue` there); USAGE where it is longer than STS takes, or the policy says nothing about AWS
 */
export function sessionPolicy(policy: Policy, options: SessionPolicyOptions): SessionPolicy {
  const { readOnly = false, domain, upTo, places } = options;
  const held = heldBy(policy, options);
  const rank = (name: string): number => policy.classifications.indexOf(name);
  const reach = reachOf(policy, held, (place) => {
    if (domain !== undefined && place.domain !== domain) return false;
    if (upTo !== undefined && rank(place.class) > rank(upTo)) return false;
    if (places && !includes(places, place)) return false;
    return allows(policy, held, "creds.issue", place);
  });
  const of = [...reach.read, ...reach.describe, ...reach.readSecrets, ...(readOnly ? [] : reach.push)];
  if (of.length === 0) throw nothing(options);
  // Whoever asks for less than the role has wants no power over the whole project along with it.
  const publishes = !readOnly && domain === undefined && upTo === undefined;
  const written = SPELLINGS.map((spelling) => {
    const permissions = permissionsOf(policy, reach, { creates: !readOnly, publishes, whole: false, ...spelling });
    const document = documentOf(permissions.map(({ statement }) => statement));
    return { permissions, document, text: JSON.stringify(document) };
  });
  const fitting = written.find((each) => each.text.length <= SESSION_POLICY_CHARS_MAX);
  if (!fitting) throw tooLong(written.at(-1)?.text.length ?? 0, reach);
  const { permissions, document, text } = fitting;
  const unseen = reach.unseen.map((rule) => `${rule.id} (line ${String(rule.line)})`).join(", ");
  const statements = permissions.map(({ what, contents }) => ({
    what: contents && unseen !== "" ? `${what}; AWS does not see: ${unseen}` : what,
    lines: reach.lines,
  }));
  return { document, text, chars: text.length, statements };
}

/** Roles that the member may act in now. */
function heldBy(policy: Policy, { member, role, purpose, now }: SessionPolicyOptions): readonly Held[] {
  const found = memberOf(policy, member);
  if (!found) throw refused(`${member} is not a member`, "cloister member list");
  if (found.suspended !== undefined) throw refused(`${member} is suspended (${found.suspended})`);
  if (now >= policy.expires.endMs) {
    throw refused(
      `the policy expired on ${policy.expires.date}`,
      "an owner sets a later expires, then: cloister policy propose",
    );
  }
  const meant = policy.purposes.find(({ id }) => id === purpose);
  if (purpose !== undefined && (!meant || (meant.until && now >= meant.until.endMs))) {
    throw refused(`the policy has no purpose ${JSON.stringify(purpose)} that has not ended`, "cloister policy show");
  }
  return found.roles.flatMap((holding): Held[] => {
    const own = policy.roles.find(({ id }) => id === holding.role);
    const fits = own && (role === undefined || own.id === role);
    const acts = purpose === undefined || !own?.purposes || own.purposes.includes(purpose);
    return fits && acts ? [{ role: own, domain: holding.domain }] : [];
  });
}

function refused(why: string, next?: string): CloisterError {
  const details: ErrorDetails = next === undefined ? { why } : { why, next };
  return new CloisterError("POLICY_DENIED", "no session policy", details);
}

function nothing({ member, role, domain, purpose }: SessionPolicyOptions): CloisterError {
  const narrowed = [role && `role ${role}`, domain && `domain ${domain}`, purpose && `purpose ${purpose}`].filter(
    Boolean,
  );
  const where = narrowed.length > 0 ? ` with ${narrowed.join(", ")}` : "";
  return refused(
    `${member} may issue no credentials for any data${where}`,
    `cloister policy explain creds.issue --as ${member}`,
  );
}

function tooLong(chars: number, { read, push }: Reach): CloisterError {
  const places = new Set([...read, ...push].map((place) => `${place.domain}/${place.class}`)).size;
  return new CloisterError("USAGE", "the session policy is too long for AWS STS", {
    why: `${String(chars)} characters for ${String(places)} pairs of domain and class, of at most ${String(SESSION_POLICY_CHARS_MAX)}`,
    next: "ask for less: --domain NAME, one --role, --read-only; shorter names of bucket and prefix help everybody",
  });
}
