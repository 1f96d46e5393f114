import assert from "node:assert/strict";
import { dirname } from "node:path";
import { CloisterError } from "../../../src/base/errors.ts";
import type { Attempt, World } from "./world.ts";

/** Prepares outputs, takes them out, and expects to be refused for the reason given. */
async function refused(world: World, script: string, path: string, message: RegExp): Promise<void> {
  const { exit, err } = await world.sh(`rm -rf out link; mkdir out; ${script}`, world.keyPath, dirname(world.keyPath));
  assert.equal(exit, 0, err);
  const { texts, error } = await world.collect(path);
  assert.ok(error instanceof CloisterError, String(error));
  assert.equal(error.code, "FAILURE");
  assert.match(error.message, message);
  assert.ok(!JSON.stringify(texts).includes(world.secret));
}

export const OUTPUTS: readonly Attempt[] = [
  {
    name: "put a link to a host key among the outputs",
    run: (world) => refused(world, `ln -s "$1" out/key`, "out", /^out\/key is a symbolic link; only regular files/),
  },
  {
    name: "put a link in the way to the outputs",
    async run(world) {
      await refused(world, `ln -s "$2" link`, "link/id_ed25519", /^link is a symbolic link/);
      await refused(world, `ln -s / link`, "link/usr/bin", /^link is a symbolic link/);
      await refused(world, `ln -s "$1" link`, "link", /^link is a symbolic link/);
    },
  },
  {
    name: "name outputs outside /workspace",
    async run(world) {
      for (const path of ["/etc/passwd", "../inputs/data", "/workspace/../usr/bin/env"]) {
        const { texts, error } = await world.collect(path);
        assert.deepEqual(texts, {});
        assert.ok(error instanceof CloisterError && error.code === "USAGE", String(error));
      }
    },
  },
  {
    name: "put a hard link to an input or a system file among the outputs",
    async run(world) {
      const { out } = await world.sh(
        `rm -rf out; mkdir out; echo mine >out/a; ln out/a out/b
        ln /inputs/data/table.csv out/input && echo linked; ln /usr/bin/env out/env && echo linked
        ln "$1" out/key && echo linked; ls out`,
        world.keyPath,
      );
      assert.equal(out, "a\nb\n");
      const { texts } = await world.collect("out");
      assert.deepEqual(texts, { a: "mine\n", b: "mine\n" });
    },
  },
  {
    name: "make the collector wait on a named pipe, or read a socket",
    async run(world) {
      await refused(world, "mkfifo out/pipe", "out", /^out\/pipe is a named pipe; only regular files/);
      await refused(world, "mkfifo out/pipe", "out/pipe", /^out\/pipe is a named pipe/);
      const bind = `use Socket; socket(my $s, PF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un("out/socket")) or die`;
      await refused(world, `perl -e '${bind}'`, "out", /^out\/socket is a socket/);
    },
  },
  {
    name: "give outputs hostile names",
    async run(world) {
      const expected = /cannot leave the workspace/;
      await refused(world, `printf x >"$(printf 'out/a\\nb')"`, "out", expected);
      await refused(world, `printf x >"$(printf 'out/a\\033[2Jb')"`, "out", expected);
      await refused(world, `printf x >"$(printf 'out/\\377\\376')"`, "out", expected);
      await refused(world, `printf x >"$(printf 'out/a\\342\\200\\256b')"`, "out", expected);
      await refused(world, `mkdir out/.git; printf x >out/.git/config`, "out", expected);
      await refused(world, `printf x >out/-rf`, "out", expected);
      await refused(world, `printf x >out/Name; printf x >out/name`, "out", /beside Name/);
    },
  },
  {
    name: "change outputs while they are read",
    async run(world) {
      await world.sh("rm -rf out; mkdir out; head -c 4M /dev/zero >out/a; printf end >out/b");
      const churn = new AbortController();
      const writer = world.run(
        [
          "/usr/bin/perl",
          "-e",
          `open(F, ">", "churning"); close F;
        for (;;) { open(F, ">>", "out/a"); print F "x"; close F;
        unlink "out/b"; symlink("/etc/passwd", "out/b"); unlink "out/b"; open(F, ">", "out/b"); close F }`,
        ],
        world.state,
        {
          signal: churn.signal,
        },
      );
      await world.sh("until [ -e churning ]; do sleep 0.01; done");
      const { texts, error } = await world.collect("out");
      churn.abort();
      await writer;
      // Whichever of the two wins, what is not a regular file that stood still is refused.
      assert.ok(error instanceof CloisterError && error.code === "FAILURE", String(error));
      assert.ok(!Object.values(texts).some((text) => text.includes("user:x:1000")));
    },
  },
  {
    name: "fill the memory of whoever lists it with paths that are longer than all its files",
    volume: "memory",
    async run(world) {
      const { exit } =
        await world.perl(`mkdir "deep"; chdir "deep"; my $n = "d" x 250; for (1 .. 500) { mkdir $n; chdir $n or exit 1 }
        for (1 .. 1200) { open(F, ">", $_) or exit 2 }`);
      assert.equal(exit, 0);
      for (const of of ["workspace", "kept"] as const) {
        const { entries, whole } = await world.sandbox.list(world.state, of);
        assert.equal(whole, false);
        assert.ok([...entries.keys()].reduce((sum, path) => sum + path.length, 0) <= 64 * 1024 * 1024);
      }
      assert.equal((await world.sh("rm -rf deep")).exit, 0);
    },
  },
];
