// The `login:` part of the policy file, and who a member is to the provider it names.
import { keysOf } from "./file-keys.ts";
import type { Problems } from "./problem.ts";
import type { Login, Member } from "./schema.ts";
import { Section } from "./section.ts";
import type { Tree } from "./yaml-tree.ts";

/**
 * An issuer identifier (OpenID Connect Discovery 1.0, section 3): an https URL without query and fragment, compared as
 * text with the `iss` of tokens. Plain http only where nobody is in between.
 */
const ISSUER =
  /^(?:https:\/\/[A-Za-z0-9.-]+|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(?:\/[A-Za-z0-9._~%/-]*)?$/;
const ISSUER_EXAMPLE = "https://login.example.org, without ? and # (http only for localhost)";
/** RFC 6749 allows a client id all of printable ASCII; AWS allows an audience these. */
const CLIENT = /^[A-Za-z0-9][A-Za-z0-9._:/@+=~-]{0,254}$/;
const CLIENT_EXAMPLE = "cloister, as it is registered with the provider";
/** `sub` has at most 255 ASCII characters (OpenID Connect Core 1.0, section 2). */
const SUBJECT = /^[\x21-\x7e]{1,255}$/;
const SUBJECT_EXAMPLE = '"00u1bo": the subject in tokens of the provider, never an e-mail address';

export function readLogin(tree: Tree | undefined, problems: Problems): Login | undefined {
  if (!tree) return undefined;
  const section = new Section(tree, "login", keysOf("login"), [], problems);
  return {
    line: section.place.line,
    issuer: section.formed("issuer", ISSUER, ISSUER_EXAMPLE),
    client: section.formed("client", CLIENT, CLIENT_EXAMPLE),
    audience: section.has("audience") ? section.formed("audience", CLIENT, "sts.amazonaws.com") : undefined,
  };
}

/** Collects the `oidc:` of members, each once. */
export class Subjects {
  readonly #problems: Problems;
  readonly #seen = new Map<string, string>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  read(member: Section, id: string): Member["oidc"] {
    const tree = member.optional("oidc");
    if (!tree) return undefined;
    const section = new Section(tree, `oidc of ${id}`, keysOf("oidc"), [], this.#problems);
    const issuer = section.formed("issuer", ISSUER, ISSUER_EXAMPLE);
    const sub = section.formed("sub", SUBJECT, SUBJECT_EXAMPLE);
    if (issuer === "" || sub === "") return undefined;
    const subject = JSON.stringify([issuer, sub]);
    const other = this.#seen.get(subject);
    if (other !== undefined) {
      this.#problems.error(
        section.placeOf("sub"),
        `${id} and ${other} are the same subject at ${issuer}`,
        "one account, one person",
      );
    }
    this.#seen.set(subject, id);
    return { issuer, sub };
  }
}

/** `cloister login` asks one provider: whoever is known to another one only can never log in. */
export function warnUnreachable(
  tree: Tree | undefined,
  members: readonly Member[],
  login: Login | undefined,
  problems: Problems,
): void {
  for (const { id, oidc } of members) {
    if (!oidc || oidc.issuer === login?.issuer) continue;
    const entry = tree?.kind === "map" ? tree.entries.find(({ key }) => key === id) : undefined;
    const value = entry?.value.kind === "map" ? entry.value.entries.find(({ key }) => key === "oidc") : undefined;
    const why = login ? `login asks ${login.issuer}` : "the policy has no login";
    if (value) problems.warning(value.place, `the oidc of ${id} is of no use: ${why}`);
  }
}
