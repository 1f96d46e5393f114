import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Bubblewrap } from "../../../src/sandbox/bubblewrap/bubblewrap.ts";
import type { Case } from "../cases.ts";
import { encrypted } from "./workspaces.ts";

const MB = 1e6;
const WRITE = `i=0; while [ $i -lt $1 ]; do head -c 4M /dev/urandom >"f$i" || exit; i=$((i + 1)); sleep 0.05; done 2>err`;

export const SIZE: readonly Case[] = [
  encrypted(
    "a full volume lets nothing grow, keeps what it has, and takes more once something was deleted",
    async (world) => {
      assert.equal((await world.sh("echo kept >first")).exit, 0);
      const { exit } = await world.sh(WRITE, "100");
      assert.notEqual(exit, 0);
      assert.match((await world.sh("cat err")).out, /^$|File too large/);
      const { bytes } = await world.measure();
      assert.ok(bytes > 25 * MB && bytes < 200 * MB, String(bytes));
      assert.equal((await world.sh("cat first; rm f[0-9]*; ls")).out, "kept\nerr\nfirst\n");
      // It is counted again within a second or so.
      const again = `for i in $(seq 100); do head -c 4M /dev/zero >again 2>/dev/null && exit; sleep 0.1; done; exit 1`;
      assert.equal((await world.sh(again)).exit, 0);
    },
    40 * MB,
  ),
  encrypted("that its size is only watched is said where limits are shown", async (world) => {
    const disk = world.sandbox.held(world.state).find(({ limit }) => limit === "disk");
    assert.equal(disk?.held, false);
    assert.match(disk?.how ?? "", /watching/);
  }),
  {
    name: "a full disk of the host is an error of the writer; the workspace stays usable",
    async run({ folder }) {
      // A disk of its own needs root.
      if (process.geteuid?.() !== 0) return;
      const volumeFolder = join(folder, "small");
      mkdirSync(volumeFolder);
      spawnSync("mount", ["-t", "tmpfs", "-o", "size=48M", "none", volumeFolder]);
      const sandbox = new Bubblewrap({ now: Date.now });
      const spec = { id: "full", ttlMs: 60_000, volume: "encrypted", volumeFolder } as const;
      try {
        await assert.rejects(sandbox.create({ ...spec, diskBytes: 500 * MB }), {
          code: "FAILURE",
          message: "there is no room for an encrypted volume of 500 MB",
        });
        const state = await sandbox.create({ ...spec, diskBytes: 40 * MB });
        spawnSync("fallocate", ["-l", "40M", join(volumeFolder, "others")]);
        const large = async function* () {
          const read = async function* () {
            for (let i = 0; i < 30; i++) yield Buffer.alloc(MB, 1);
          };
          yield { path: "large", kind: "file" as const, bytes: 30 * MB, read };
        };
        await assert.rejects(sandbox.fill(state, { input: "large" }, large()), {
          code: "FAILURE",
          message: "input large does not fit into the workspace",
        });
        assert.equal((await sandbox.list(state, "workspace")).entries.size, 0);
        await sandbox.stop(state);
      } finally {
        spawnSync("umount", ["-l", volumeFolder]);
        rmSync(volumeFolder, { recursive: true, force: true });
      }
    },
  },
];
