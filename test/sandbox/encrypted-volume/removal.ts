import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requirePrograms } from "../../../src/sandbox/host/programs.ts";
import { removeCipherFolder } from "../../../src/sandbox/volume/cipher-folder.ts";
import type { Case } from "../cases.ts";
import { encrypted } from "./workspaces.ts";

const runtime = { uid: process.geteuid?.() ?? 0, programs: requirePrograms() };

export const REMOVAL: readonly Case[] = [
  encrypted("what a command shut is removed, and nothing that a link leads to", async (world, cipher) => {
    assert.equal((await world.sh(`mkdir -p shut/in; echo 1 >shut/in/f; chmod 000 shut/in shut`)).exit, 0);
    const victim = join(world.folder, "victim");
    mkdirSync(victim);
    writeFileSync(join(victim, "kept"), "kept");
    symlinkSync(victim, join(cipher, "planted"));
    await world.sandbox.stop(world.state);
    assert.equal(existsSync(cipher), false);
    assert.equal(readFileSync(join(victim, "kept"), "utf8"), "kept");
  }),
  encrypted("nothing but such a folder is removed", async (world) => {
    const victim = join(world.folder, "victim");
    const link = join(world.folder, "link.cipher");
    const file = join(world.folder, "file.cipher");
    mkdirSync(victim);
    writeFileSync(join(victim, "kept"), "kept");
    symlinkSync(victim, link);
    writeFileSync(file, "");
    for (const folder of [victim, link, file]) {
      await assert.rejects(removeCipherFolder(runtime, folder), { code: "FAILURE" });
      assert.equal(existsSync(folder), true);
    }
    assert.equal(existsSync(join(victim, "kept")), true);
    await removeCipherFolder(runtime, join(world.folder, "never-there.cipher"));
  }),
];
