// What a reach means in actions of S3 and KMS: the statements that session policies and roles are made of.
import { kmsKeyOf } from "../kms-key.ts";
import type { Policy } from "../schema.ts";
import { one, type Statement } from "./document.ts";
import { awsOf, bucketArnOf, keyOf, objectArnOf, PATTERNS, plain } from "./names.ts";
import { type Place, placesOf, type Reach } from "./reach.ts";

/** A statement, and what it is for. */
export interface Explained {
  readonly statement: Statement;
  readonly what: string;
  /** Whether it gives what is in artifacts, about which the policy may say more than names of objects tell. */
  readonly contents: boolean;
}

type Verb = "read" | "create";

const S3_ACTIONS: Readonly<Record<Verb, readonly string[]>> = {
  read: ["s3:GetObject"],
  // Large objects are uploaded in parts; an upload that is given up leaves none.
  create: ["s3:PutObject", "s3:AbortMultipartUpload"],
};

/** One pattern of names, what is done with it, and how a person calls it. */
interface Grant {
  readonly pattern: string;
  readonly called: string;
  readonly contents: boolean;
  readonly verbs: readonly Verb[];
}

export interface PermissionOptions {
  /** Whether anything may be created: packs, records, entries of the log. */
  readonly creates: boolean;
  readonly publishes: boolean;
  /** All that the role can do: also what is no part of working with data, such as answering those who want to join. */
  readonly whole: boolean;
  /** Without statements and tags, which are beside the data. */
  readonly bare: boolean;
  /** Fewer characters: terse patterns, and what is missing among contents is not told from what is forbidden. */
  readonly terse: boolean;
}

/** In an order that depends on the policy alone. */
export function permissionsOf(policy: Policy, reach: Reach, options: PermissionOptions): readonly Explained[] {
  const grants = grantsOf(policy, reach, options);
  return [
    ...objectStatements(policy, grants),
    listStatement(policy, grants, options),
    ...keyStatements(policy, reach, options),
  ];
}

function grantsOf(policy: Policy, reach: Reach, options: PermissionOptions): readonly Grant[] {
  const verbs = (reads: boolean, creates: boolean): readonly Verb[] => [
    ...(reads ? (["read"] as const) : []),
    ...(creates ? (["create"] as const) : []),
  ];
  const publishes = options.publishes && reach.publish;
  const shared = (pattern: string, called: string, creates: boolean): Grant => ({
    ...{ pattern, called, contents: false, verbs: verbs(true, creates) },
  });
  const apart = [
    shared(PATTERNS.format, "the store's format", false),
    shared(PATTERNS.condemned, "packs that garbage collection condemned", options.whole && reach.collect),
    shared(PATTERNS.policies, "policy versions", publishes),
    shared(PATTERNS.epochs, "key epochs", publishes),
  ];
  const asks = options.creates && reach.ask.length > 0;
  return [
    ...(options.terse ? together(policy, publishes, shared) : apart),
    ...(asks
      ? [shared(PATTERNS.requests, "requests", true), shared(PATTERNS.releases, "released keys", false)]
      : [shared(PATTERNS.requestsAndReleases, "requests and released keys", false)]),
    ...(options.whole && reach.admit ? [shared(PATTERNS.joins, "join requests", false)] : []),
    ...(options.whole && reach.copy ? [shared(PATTERNS.everything, "the store, to copy it", false)] : []),
    ...(options.whole && reach.collect
      ? [shared(PATTERNS.records, "version records, to know what is needed", false)]
      : []),
    // Owners sign by right of being owners, which no role tells. What anybody else puts there counts for nobody.
    shared(PATTERNS.proposals, "proposed policy versions", options.creates),
    shared(PATTERNS.keyFiles, "key files", publishes),
    shared(PATTERNS.commits, "the log", options.creates),
    ...policy.domains.flatMap(({ id }): Grant[] => {
      const inside = ({ domain }: Place): boolean => domain === id;
      const creates = options.creates && reach.push.some(inside);
      const sees = [...reach.read, ...reach.describe].some(inside);
      // Whoever pushes reads the record back where an answer was lost; whoever decides about a version reads what it is.
      const reads = creates || sees || (options.whole && [...reach.approve, ...reach.end].some(inside));
      const tags = options.creates && reach.tag.some(inside);
      return [
        ...(reads ? [shared(PATTERNS.versions(id), `version records of ${id}`, creates)] : []),
        ...(!options.bare && (sees || tags) ? [shared(PATTERNS.tags(id), `tags of ${id}`, tags)] : []),
      ];
    }),
    ...placesOf(policy).flatMap((place): Grant[] => {
      const called = `${place.domain}/${place.class}`;
      const sees = includes(reach.read, place) || includes(reach.describe, place);
      const ofStatements = verbs(sees, options.creates && includes(reach.attest, place));
      const statements: Grant = {
        ...{ pattern: PATTERNS.statements(place), called: `statements about ${called}`, contents: true },
        verbs: ofStatements,
      };
      const stated = ofStatements.length > 0 && !options.bare ? [statements] : [];
      const ofSecrets = verbs(
        includes(reach.readSecrets, place),
        options.creates && includes(reach.writeSecrets, place),
      );
      const secrets: Grant = {
        ...{ pattern: PATTERNS.secrets(place), called: `secrets of ${called}`, contents: true, verbs: ofSecrets },
      };
      const sealed = [...stated, ...(ofSecrets.length > 0 ? [secrets] : [])];
      const whole = verbs(includes(reach.read, place), options.creates && includes(reach.push, place));
      const contents = { pattern: PATTERNS.contents(place), called, contents: true, verbs: whole };
      if (!includes(reach.describe, place)) return whole.length > 0 ? [contents, ...sealed] : sealed;
      const manifests = [PATTERNS.seals(place), PATTERNS.metadataKeys(place)].map(
        (pattern): Grant => ({
          ...{ pattern, called: `manifests of ${called}`, contents: true, verbs: ["read"] },
        }),
      );
      return [...(whole.length > 0 ? [contents] : []), ...manifests, ...sealed];
    }),
  ];
}

/** What every reader needs, in few characters. */
function together(
  { domains }: Policy,
  publishes: boolean,
  shared: (pattern: string, called: string, creates: boolean) => Grant,
): readonly Grant[] {
  const oneLetter = domains.some(({ id }) => id.length === 1);
  return [
    shared(PATTERNS.formatAndCondemned, "the store's format and condemned packs", false),
    ...(oneLetter
      ? [PATTERNS.policies, PATTERNS.epochs].map((each) => shared(each, "policy versions and key epochs", publishes))
      : [shared(PATTERNS.policiesAndEpochs, "policy versions and key epochs", publishes)]),
  ];
}

/** Patterns with the same actions in one statement, so that each is written once. */
function objectStatements(policy: Policy, grants: readonly Grant[]): readonly Explained[] {
  const groups = new Map<string, readonly Verb[]>(grants.map(({ verbs }) => [verbs.join(" and "), verbs]));
  return [...groups].map(([verb, verbs]) => {
    const own = grants.filter((grant) => grant.verbs.join(" and ") === verb);
    const statement: Statement = {
      Effect: "Allow",
      Action: one(verbs.flatMap((each) => S3_ACTIONS[each])),
      Resource: one(own.map(({ pattern }) => objectArnOf(awsOf(policy), pattern))),
    };
    const what = `${verb}: ${[...new Set(own.map(({ called }) => called))].join(", ")}`;
    return { statement, what, contents: own.some(({ contents }) => contents) };
  });
}

/**
 * Listing serves two ends: finding commits and policy versions, and telling what is missing (404) from what is forbidden
 * (403) when an object is asked for, which S3 decides by this permission with the object's key as `s3:prefix`.
 */
function listStatement(policy: Policy, grants: readonly Grant[], { terse, bare }: PermissionOptions): Explained {
  const aws = awsOf(policy);
  const listed = grants.filter(
    ({ pattern, verbs, contents }) => verbs.includes("read") && pattern.endsWith("*") && !(terse && contents),
  );
  const statement: Statement = {
    Effect: "Allow",
    Action: "s3:ListBucket",
    Resource: bucketArnOf(aws),
    Condition: { StringLike: { "s3:prefix": one(listed.map(({ pattern }) => keyOf(aws, pattern))) } },
  };
  const which = `what may be read${terse ? ", contents aside" : ""}${bare ? "; no statements and tags" : ""}`;
  return { statement, what: `list ${which}: so that what is missing is told from what is forbidden`, contents: false };
}

const KMS_ACTIONS = ["kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt"] as const;
type KmsAction = (typeof KMS_ACTIONS)[number];

/** Each key of KMS by its own ARN, and only in the encryption contexts of the places that are reached. */
function keyStatements(policy: Policy, reach: Reach, options: PermissionOptions): readonly Explained[] {
  const uses = placesOf(policy).flatMap((place) => {
    const key = kmsKeyOf(policy, place.class);
    const actions = kmsActions(reach, options, place);
    return key === undefined || actions.length === 0 ? [] : [{ key, place, actions: actions.join() }];
  });
  const groups = new Set(uses.map(({ key, actions }) => JSON.stringify([key, actions])));
  return [...groups].flatMap((group) => {
    const [key, actions] = JSON.parse(group) as [string, string];
    const places = uses.filter((use) => use.key === key && use.actions === actions).map(({ place }) => place);
    return products(places).map(({ domains, classes }) => ({
      statement: {
        Effect: "Allow" as const,
        Action: one(actions.split(",")),
        Resource: key,
        Condition: { StringEquals: contextOf(policy, domains, classes) },
      },
      what: `${actions.replaceAll("kms:", "").replaceAll(",", ", ")} with KMS for ${domains.join(", ")}: ${classes.join(", ")}`,
      contents: true,
    }));
  });
}

function kmsActions(reach: Reach, { creates, publishes }: PermissionOptions, place: Place): readonly KmsAction[] {
  const wanted: Readonly<Record<KmsAction, boolean>> = {
    "kms:Decrypt": [reach.read, reach.describe, reach.readSecrets].some((places) => includes(places, place)),
    "kms:GenerateDataKey": creates && includes(reach.push, place),
    // The private half of a new class key, written when a policy version is published.
    "kms:Encrypt": publishes && reach.publish,
  };
  return KMS_ACTIONS.filter((action) => wanted[action]);
}

/** The conditions that hold an action to the encryption contexts of some places; see docs/keys.md. */
function contextOf(
  policy: Policy,
  domains: readonly string[],
  classes: readonly string[],
): Readonly<Record<string, string | readonly string[]>> {
  return {
    "kms:EncryptionContext:project": plain(policy.projectId),
    "kms:EncryptionContext:domain": one(domains.map(plain)),
    "kms:EncryptionContext:class": one(classes.map(plain)),
  };
}

/**
 * Places as products of domains and classes, because a condition says each on its own: domains share a product only
 * where exactly the same classes are meant.
 */
function products(
  places: readonly Place[],
): readonly { readonly domains: readonly string[]; readonly classes: readonly string[] }[] {
  const byClasses = new Map<string, { domains: string[]; classes: readonly string[] }>();
  for (const domain of new Set(places.map((place) => place.domain))) {
    const classes = places.filter((place) => place.domain === domain).map((place) => place.class);
    const same = byClasses.get(classes.join("/"));
    if (same) same.domains.push(domain);
    else byClasses.set(classes.join("/"), { domains: [domain], classes });
  }
  return [...byClasses.values()];
}

export function includes(places: readonly Place[], { domain, class: name }: Place): boolean {
  return places.some((place) => place.domain === domain && place.class === name);
}
