// Halves of data keys in a bucket: whose role holds which, what is done with them, and with what is released of them.
import { holdersOf as halfHoldersOf, isOfPurpose, splitsOf } from "../key-halves.ts";
import type { Member, Policy, Role } from "../schema.ts";
import { type Conditions, one, type Statement } from "./document.ts";
import { holdersOf } from "./holders.ts";
import { awsOf, bucketArnOf, keyOf, objectArnOf, PATTERNS } from "./names.ts";
import { type Place, placesOf } from "./reach.ts";
import { sessionsOf } from "./sessions-of.ts";

const INVOKE_HALF = "glass-invoke";

interface HeldHalf {
  readonly place: Place;
  readonly half: string;
  /** Of the role's holders there, those who hold the half. */
  readonly members: readonly Member[];
  /** Whether these are all of the role's holders there. */
  readonly all: boolean;
}

/** Places in which holders of a role hold halves, as the policy in force splits keys. */
export function halfPlaces(policy: Policy, role: Role): readonly Place[] {
  const held = halvesHeld(policy, role).map(({ place }) => place);
  return held.filter((place, at) => held.indexOf(place) === at);
}

/**
 * Whoever holds a half reads it, hands it on, takes it from who left, and releases it; and sees what it is that they release,
 * or what the glass was broken for.
 */
export function halfStatements(policy: Policy, role: Role): readonly Statement[] {
  const held = halvesHeld(policy, role);
  const groups = new Map<string, HeldHalf[]>();
  for (const half of held) {
    const who = half.all ? "" : half.members.map(({ id }) => id).join();
    groups.set(who, [...(groups.get(who) ?? []), half]);
  }
  return [
    ...[...groups].flatMap(([who, halves]) => forMembers(who === "" ? [] : who.split(","), inPlaces(policy, halves))),
    ...releasing(policy, role, held),
  ];
}

/** Releases lie at no place, and so are for those alone who hold halves anywhere; likewise the invocation of an emergency. */
function releasing(policy: Policy, role: Role, held: readonly HeldHalf[]): readonly Statement[] {
  const aws = awsOf(policy);
  const holders = holdersOf(policy, role);
  const invoking = held.filter(({ half }) => half === INVOKE_HALF);
  const object = (actions: readonly string[], name: string): Statement => {
    return { Effect: "Allow", Action: one(actions), Resource: objectArnOf(aws, name) };
  };
  const those = (halves: readonly HeldHalf[], statement: Statement): readonly Statement[] => {
    const members = holders
      .filter((holder) => halves.some((half) => half.members.includes(holder)))
      .map(({ id }) => id);
    if (members.length === 0) return [];
    return forMembers(members.length === holders.length ? [] : members, [statement]);
  };
  return [
    ...those(held, object(["s3:PutObject", "s3:DeleteObject"], PATTERNS.releases)),
    ...those(invoking, object(["s3:PutObject"], PATTERNS.requests)),
  ];
}

/** Statements for some members alone; for every holder of the role where none are named. */
function forMembers(members: readonly string[], statements: readonly Statement[]): readonly Statement[] {
  if (members.length === 0) return statements;
  return sessionsOf(members).flatMap((theirs) =>
    statements.map((statement) => ({ ...statement, Condition: both(statement.Condition ?? {}, theirs) })),
  );
}

/** Conditions together: of one operator written twice, the second would be all. */
function both(one: Conditions, other: Conditions): Conditions {
  const operators = Object.entries(other).map(([operator, keys]) => [operator, { ...one[operator], ...keys }] as const);
  return { ...one, ...Object.fromEntries(operators) };
}

function inPlaces(policy: Policy, halves: readonly HeldHalf[]): readonly Statement[] {
  const aws = awsOf(policy);
  const own = halves.map(({ place, half }) => PATTERNS.halves(place, half));
  const seen = [...new Set(halves.flatMap(({ place, half }) => whatIsSeen(place, half)))];
  const arns = (names: readonly string[]) => one(names.map((name) => objectArnOf(aws, name)));
  const listed = [...own, ...seen].filter((name) => name.endsWith("*")).map((name) => keyOf(aws, name));
  return [
    { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource: arns(own) },
    { Effect: "Allow", Action: "s3:GetObject", Resource: arns(seen) },
    {
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: bucketArnOf(aws),
      Condition: { StringLike: { "s3:prefix": one(listed) } },
    },
  ];
}

function whatIsSeen(place: Place, half: string): readonly string[] {
  const record = PATTERNS.versions(place.domain);
  if (isOfPurpose(half, "release")) return [record, PATTERNS.seals(place)];
  if (half !== INVOKE_HALF) return [record];
  // AWS does not see whether anybody consented: what lies there opens with both halves alone.
  return [record, PATTERNS.seals(place), PATTERNS.packs(place), PATTERNS.glass(place)];
}

function halvesHeld(policy: Policy, role: Role): readonly HeldHalf[] {
  return placesOf(policy).flatMap((place) => {
    const here = holdersOf(policy, role, place.domain);
    return splitsOf(policy, place)
      .flatMap(({ halves }) => halves)
      .filter((half) => isOf(role, half))
      .flatMap((half) => {
        const entitled = halfHoldersOf(policy, place, half);
        const members = here.filter((member) => entitled.includes(member));
        return members.length > 0 ? [{ place, half, members, all: members.length === here.length }] : [];
      });
  });
}

/** Whether a half is held by right of this role; those in escrow hold it in whichever role they are. */
function isOf({ id, can }: Role, half: string): boolean {
  if (isOfPurpose(half, "release")) return half === `half-${id}`;
  return half !== INVOKE_HALF || can.includes("break-glass.invoke");
}
