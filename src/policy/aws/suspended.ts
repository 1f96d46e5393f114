// Who is suspended loses running sessions, too: they carry the member as their source identity.
import type { Policy } from "../schema.ts";
import { one, type Statement } from "./document.ts";
import { plain } from "./names.ts";

/** One statement, or none where nobody is suspended. */
export function suspendedStatements(
  policy: Policy,
  action: string,
  resource: string | readonly string[],
): readonly Statement[] {
  const members = policy.members.filter(({ suspended }) => suspended !== undefined).map(({ id }) => plain(id));
  if (members.length === 0) return [];
  return [
    {
      Sid: "Suspended",
      Effect: "Deny",
      Principal: "*",
      Action: action,
      Resource: resource,
      Condition: { StringEquals: { "aws:SourceIdentity": one(members) } },
    },
  ];
}
