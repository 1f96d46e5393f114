// By what AWS knows the sessions of a member: the source identity, or, in a session that was opened with an OpenID token and
// so has none, the session's name.
import { type Conditions, one } from "./document.ts";
import { plain } from "./names.ts";

/** Of a role session's name. */
const NAME_CHARS_MAX = 64;
const OPERATION_CHARS = 32;
const MEMBER_CHARS_MAX = NAME_CHARS_MAX - OPERATION_CHARS - 1;

/**
 * Name of a session, with the id of the logged operation, so that both logs can be laid side by side.
 *
 * @param operation 32 hex digits
 */
export function sessionNameOf(member: string, operation: string): string {
  return `${member.slice(0, MEMBER_CHARS_MAX)}.${operation}`;
}

/** Conditions, each of which holds in some sessions of these members, and all together in every one. */
export function sessionsOf(members: readonly string[]): readonly Conditions[] {
  return [
    { StringEquals: { "aws:SourceIdentity": one(members.map(plain)) } },
    // `aws:userid` is the role's id and the session's name. As long as the name is, so that `bo` is not also `bo.smith`.
    {
      StringLike: {
        "aws:userid": one(members.map((id) => `*:${sessionNameOf(plain(id), "?".repeat(OPERATION_CHARS))}`)),
      },
    },
  ];
}
