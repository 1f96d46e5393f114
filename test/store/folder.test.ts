import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderStore } from "../../src/store/folder.ts";
import { linkOnce } from "../../src/store/folder-files.ts";
import { compile, start } from "../fault/child-process.ts";
import { collect } from "../fault/faulty-store.ts";
import { bytes, keepsTheContract, namesIn, refusal } from "./contract.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "folder-store-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const names = (prefix = "") => namesIn(folderStore(dir), prefix);
const temporaries = () => readdirSync(join(dir, ".tmp"));

it("a name that is taken by this very file was given to it: on NFS the first answer can be lost", async () => {
  for (const name of ["mine", "other"]) writeFileSync(join(dir, name), name);
  expect(await linkOnce(join(dir, "mine"), join(dir, "name"))).toBe("created");
  expect(await linkOnce(join(dir, "mine"), join(dir, "name"))).toBe("created");
  expect(await linkOnce(join(dir, "other"), join(dir, "name"))).toBe("exists");
});

describe.each(["moved", "replaced by an empty folder"])("a store that was %s in the middle", (how) => {
  const vanish = (root: string) => {
    renameSync(root, `${root}-elsewhere`);
    if (how !== "moved") mkdirSync(root);
  };

  it("is no empty store: neither is anything missing in it, nor is it made anew", async () => {
    const root = join(dir, "store");
    await folderStore(root).create("packs/a", bytes("one"));
    const store = folderStore(root);
    expect(await store.get("packs/a", 100)).toBeDefined();
    const begin = async () => store.begin?.();
    const draft = await begin();
    await draft?.append(Buffer.from("two"));
    vanish(root);
    const calls = [
      () => store.get("packs/a", 100),
      () => store.range("packs/a", 0, 1),
      () => collect(store.list("packs/")),
      () => store.create("packs/b", bytes("three")),
      begin,
      async () => draft?.finish("packs/c"),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(existsSync(root) ? readdirSync(root) : []).toEqual([]);
  });
});

describe("folder store", () => {
  keepsTheContract(async () => () => folderStore(join(dir, "new", "store")));

  it("shows no temporary files, makes none for a name it refuses, and leaves none after a race", async () => {
    const store = folderStore(dir);
    expect(await refusal(store.create("../x", bytes("x")))).toBe("INTEGRITY");
    expect(readdirSync(dir)).toEqual([]);
    await Promise.all(Array.from({ length: 16 }, (_, i) => folderStore(dir).create("a/b", bytes(String(i)))));
    await store.now();
    expect(temporaries()).toEqual([]);
    writeFileSync(join(dir, ".tmp", "left-over"), "x");
    expect(await names()).toEqual(["a/b"]);
  });

  it("removes temporary files of processes that died long ago, and no younger ones", async () => {
    mkdirSync(join(dir, ".tmp"));
    for (const name of ["old", "young"]) writeFileSync(join(dir, ".tmp", name), "x");
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    utimesSync(join(dir, ".tmp", "old"), twoDaysAgo, twoDaysAgo);
    await folderStore(dir).create("x", bytes("x"));
    expect(temporaries()).toEqual(["young"]);
  });
});

describe("folder store under a hostile writer", () => {
  it("never follows a link, waits for a pipe or reads a folder", async () => {
    const store = folderStore(dir);
    await store.create("real", bytes("x"));
    writeFileSync(join(dir, "..", "outside-of-it"), "secret");
    symlinkSync("../outside-of-it", join(dir, "link"));
    symlinkSync("/dev/zero", join(dir, "endless"));
    symlinkSync("nowhere", join(dir, "dangling"));
    execFileSync("mkfifo", [join(dir, "pipe")]);
    mkdirSync(join(dir, "folder"));
    for (const name of ["link", "endless", "dangling", "pipe", "folder"]) {
      expect(await refusal(store.get(name, 100)), name).toBe("INTEGRITY");
      expect(await refusal(store.range(name, 0, 1)), name).toBe("INTEGRITY");
      expect(await store.create(name, bytes("y")), name).toBe("exists");
    }
    expect(await refusal(store.get("real/deeper", 100))).toBe("INTEGRITY");
    expect(await names()).toEqual(["real"]);
    rmSync(join(dir, "..", "outside-of-it"));
  });

  it("never leaves its folder through a linked parent", async () => {
    const outside = mkdtempSync(join(tmpdir(), "outside-"));
    writeFileSync(join(outside, "file"), "secret");
    symlinkSync(outside, join(dir, "packs"));
    const store = folderStore(dir);
    expect(await refusal(store.get("packs/file", 100))).toBe("INTEGRITY");
    expect(await refusal(store.create("packs/new", bytes("x")))).toBe("INTEGRITY");
    expect(await refusal(store.create("packs/aa/new", bytes("x")))).toBe("INTEGRITY");
    expect(await refusal(store.delete("packs/file"))).toBe("INTEGRITY");
    expect(await refusal(collect(store.list("packs/")))).toBe("INTEGRITY");
    expect(readdirSync(outside)).toEqual(["file"]);
    rmSync(outside, { recursive: true });
  });

  it("may itself be reached through a link, as in /tmp on macOS", async () => {
    mkdirSync(join(dir, "real"));
    symlinkSync("real", join(dir, "alias"));
    const store = folderStore(join(dir, "alias"));
    await store.create("a/b", bytes("x"));
    expect((await store.get("a/b", 1))?.length).toBe(1);
  });
});

describe("folder store when the system fails", () => {
  it("leaves whole objects only after kill -9", async () => {
    const code = mkdtempSync(join(tmpdir(), "compiled-"));
    compile(code, ["store/folder.ts"]);
    const child = start(
      code,
      `import { folderStore } from "./store/folder.js";
      const store = folderStore(${JSON.stringify(dir)});
      process.stdout.write("go");
      for (let i = 0; ; i++) await store.create("k/" + i, [Buffer.alloc(300000, i)]);`,
    );
    const ended = new Promise((resolve) => child.on("close", resolve));
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, 120));
    child.kill("SIGKILL");
    await ended;
    const objects = await collect(folderStore(dir).list(""));
    expect(objects.length).toBeGreaterThan(0);
    expect(objects.every((object) => object.bytes === 300_000)).toBe(true);
    expect(await folderStore(dir).create("k/next", bytes("x"))).toBe("created");
    rmSync(code, { recursive: true });
  });

  const mounted = mayMount();
  it.skipIf(!mounted)(
    `says that the store is full${mounted ? "" : " (skipped: may not mount a tmpfs here)"}`,
    async () => {
      const full = mkdtempSync(join(tmpdir(), "full-"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", full]);
      try {
        const store = folderStore(full);
        await expect(store.create("big", [Buffer.alloc(100_000), Buffer.alloc(400_000)])).rejects.toMatchObject({
          code: "FAILURE",
          message: "the store is full",
        });
        expect(readdirSync(join(full, ".tmp"))).toEqual([]);
        expect(await store.create("small", bytes("x"))).toBe("created");
      } finally {
        execFileSync("umount", [full]);
        rmSync(full, { recursive: true });
      }
    },
  );

  it.skipIf(!mounted)(
    `says who may not write what${mounted ? "" : " (skipped: may not mount a read-only file system here)"}`,
    async () => {
      const locked = mkdtempSync(join(tmpdir(), "locked-"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "none", locked]);
      try {
        const store = folderStore(locked);
        await expect(store.create("policy/1", bytes("x"))).rejects.toMatchObject({
          code: "FAILURE",
          message: expect.stringMatching(/^user \S+ may not write policy\/1 in the store$/),
        });
      } finally {
        execFileSync("umount", [locked]);
        rmSync(locked, { recursive: true });
      }
    },
  );
});

function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "may-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", folder], { stdio: "ignore" });
    execFileSync("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it("a store that a group may write to stays so in the folders made in it, and no other does", async () => {
  for (const [mode, expected] of [
    [0o2770, 0o2770],
    [0o700, 0o755],
  ] as const) {
    const shared = mkdtempSync(join(tmpdir(), "cloister-shared-"));
    chmodSync(shared, mode);
    const before = process.umask(0o022);
    try {
      await folderStore(shared).create("packs/a/b", [Buffer.from("x")]);
      expect(statSync(join(shared, "packs/a")).mode & 0o7777).toBe(expected);
    } finally {
      process.umask(before);
      rmSync(shared, { recursive: true, force: true });
    }
  }
});
