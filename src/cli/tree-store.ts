// Commands that look after the store.
import type { Noun } from "./tree.ts";
import { reach } from "./tree-project.ts";

export const storeCommand: Noun = {
  name: "store",
  summary: "where the project's sealed objects are kept",
  examples: ["cloister store gc", "cloister store copy s3://acme-ml/churn --dry-run"],
  leaves: [
    {
      name: "gc",
      summary: "clean up what no version needs (only says so without --yes)",
      options: [
        { flags: "-y, --yes", text: "do it: condemn, and delete what was condemned a day ago" },
        { flags: "--dry-run", text: "only say what would be done (the default)" },
      ],
      examples: ["cloister store gc", "cloister store gc --yes --json | jq .deleted.bytes"],
      notes:
        "Deleting takes two runs, a day apart: what no version needs is condemned first,\n" +
        "so that no push relies on it any more. Safe while others push, twice at once,\n" +
        "and when it is interrupted: the next run goes on. See docs/garbage.md.",
      load: async () => (await import("./commands/store-gc.ts")).gc,
    },
    {
      name: "check",
      summary: "check that everything is there and as it was signed (exit 6 if not)",
      options: [{ flags: "--read", text: "open and compare all that you can read" }],
      examples: ["cloister store check", "cloister store check --read --json | jq .damaged"],
      notes:
        "Without --read it needs no keys: the log, records, seals by their digests, and\n" +
        "every pack with its size. Names the damaged artifacts. Never deletes anything.",
      load: async () => (await import("./commands/store-look.ts")).check,
    },
    {
      name: "stats",
      summary: "what artifacts hold, take in the store, and share",
      examples: ["cloister store stats", "cloister store stats --json | jq .ratio"],
      load: async () => (await import("./commands/store-look.ts")).stats,
    },
    {
      name: "repair",
      summary: "put right what another copy of the store has (only says so without --yes)",
      options: [
        { flags: "--from <copy>", text: "a copy or backup: a folder, or s3://bucket/prefix" },
        ...reach,
        { flags: "--read", text: "look into packs, too: opens all that you can read" },
        { flags: "-y, --yes", text: "do it" },
        { flags: "--dry-run", text: "only say what would be done (the default)" },
      ],
      examples: [
        "cloister store repair --from /mnt/backup/churn",
        "cloister store repair --from /mnt/backup/churn --yes",
      ],
      notes:
        "Adds what is missing, as far as signatures and digests prove it. What is not what\n" +
        "was signed is moved to quarantine/ in the store, never deleted.",
      load: async () => (await import("./commands/store-repair.ts")).repair,
    },
    {
      name: "copy",
      summary: "copy the whole store to another place, and verify the copy",
      args: [["<to>", "an empty folder, or s3://bucket/prefix"]],
      options: [
        ...reach,
        { flags: "--switch", text: "use the copy in this folder from now on" },
        { flags: "--dry-run", text: "say what would be copied, copy nothing" },
      ],
      examples: [
        "cloister store copy s3://acme-ml/churn --region eu-west-1",
        "cloister store copy /mnt/backup/churn",
        "cloister store copy s3://churn --endpoint https://s3.acme.example",
      ],
      notes:
        "Nothing is overwritten; the same command goes on after an interruption.\nEverything stays sealed, and every object is read back.\nWho goes on in the old store is parted from the copy: take away the right to\nwrite there, and have the others run the `cloister join` that is printed.",
      load: async () => (await import("./commands/store.ts")).copy,
    },
  ],
};
