import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { files } from "../../interop/escape/world.ts";
import type { Case } from "../cases.ts";
import { encrypted } from "./workspaces.ts";

/** Memory maps, a database with its own log and locks, and shared memory, as training code uses them. */
const PYTHON = `
import fcntl, mmap, os, sqlite3
from multiprocessing import shared_memory
db = sqlite3.connect("x.db")
db.execute("pragma journal_mode=wal")
db.execute("create table t(a)")
db.executemany("insert into t values(?)", [(i,) for i in range(10000)])
db.commit()
with open("map", "wb+") as f:
    f.truncate(1 << 20)
    with mmap.mmap(f.fileno(), 1 << 20) as m:
        m[70000:70005] = b"hello"
    fcntl.flock(f, fcntl.LOCK_EX)
    fcntl.lockf(f, fcntl.LOCK_EX)
shared = shared_memory.SharedMemory(create=True, size=1000)
shared.buf[0] = 5
shared.close()
shared.unlink()
print(db.execute("select count(*) from t").fetchone()[0], open("map", "rb").read()[70000:70005].decode())
`;

export const FILES: readonly Case[] = [
  encrypted("files, links, names and permissions are as on a disk", async (world) => {
    const { out, err } = await world.sh(`set -e
      printf '#!/bin/sh\\necho ran' >tool; chmod 755 tool; ./tool
      ln tool hard; ln -s tool soft; stat -c %h tool; cat soft | tail -n 1; echo
      name=$(printf 'n%.0s' $(seq 255)); echo long >"$name"; cat "$name"; mv "$name" short
      mkdir -p a/b; mv short a/b/; mv a c; cat c/b/short
      chmod 000 tool; cat tool 2>/dev/null || echo closed
      touch -d @1000000000 soft-not; stat -c %Y soft-not
      truncate -s 1M sparse; stat -c %s sparse; rm -r c; ls | wc -l
      echo x >/tmp/t; echo y >/dev/shm/s; cat /tmp/t /dev/shm/s`);
    assert.equal(out, "ran\n2\necho ran\nlong\nlong\nclosed\n1000000000\n1048576\n5\nx\ny\n", err);
  }),
  encrypted("memory maps, locks and a database work", async (world) => {
    if (!existsSync("/usr/bin/python3")) return;
    const { out, err } = await world.run(["python3", "-c", PYTHON]);
    assert.equal(out, "10000 hello\n", err);
  }),
  encrypted("inputs are read-only; what is filled in is collected and counted", async (world) => {
    assert.equal((await world.sh("cat /inputs/data/table.csv; echo z >/inputs/data/table.csv")).out, "a,b\n1,2\n");
    await world.sandbox.fill(world.state, "workspace", files({ "out/a": "1", "out/b": "22" }));
    assert.deepEqual((await world.collect("out")).texts, { a: "1", b: "22" });
    assert.deepEqual(await world.measure(), { files: 2, bytes: 3 });
  }),
];
