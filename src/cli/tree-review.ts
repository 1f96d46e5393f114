// `member review`: one command, with enough flags for a file of its own.
import type { Leaf } from "./tree.ts";

export const review: Leaf = {
  name: "review",
  summary: "who holds what since when, and a signature on what stays",
  args: [["[member]", "only this member"]],
  options: [
    { flags: "--role <role[@domain]>", text: "only this role of the member" },
    { flags: "--keep", text: "sign that the access stays" },
    { flags: "--revoke", text: "sign that it is to be taken away: read-only from now on" },
    { flags: "--each", text: "go through every line that is due, and ask" },
    { flags: "--due", text: "list only what is due, lapsed or to be revoked" },
    { flags: "--why <text>", text: "justification, kept in the log" },
    { flags: "--dry-run", text: "say what would be signed, sign nothing" },
  ],
  examples: [
    "cloister member review bo --keep",
    "cloister member review bo --role pipeline --revoke --why 'left the team'",
    "cloister member review --due --json | jq -r '.lines[].member'",
  ],
  notes:
    "What is not confirmed in the time that the policy gives (access-review) lapses:\n" +
    "the member can read, and nothing else. A role that is to be revoked does so at\n" +
    "once; an owner then takes it out of the policy. Nobody confirms their own\n" +
    "access, unless nobody else holds the role that reviews.",
  load: async () => (await import("./commands/review.ts")).review,
};
