// Runs every attempt as the user it is started by, and reports each on a line of its own as JSON. Started again by
// some tests, it makes a workspace and ends, or runs one command with its own standard streams.
import { argv, exit, stderr, stdin, stdout } from "node:process";
import { Bubblewrap } from "../../../src/sandbox/bubblewrap/bubblewrap.ts";
import type { HolderState, VolumeKind } from "../../../src/sandbox/sandbox.ts";
import { runCases } from "../../sandbox/cases.ts";
import { attemptsOn } from "./attempts.ts";
import { DISK_BYTES, World } from "./world.ts";

const [, program = "", mode = "", ...rest] = argv;
if (mode === "begin") await begin();
else if (mode === "create") await create(Number(rest[0]));
else if (mode === "all") await runAll(rest[0] as VolumeKind, rest[1] ?? "");
else await runOne(mode === "tty", JSON.parse(rest[0] ?? "") as HolderState, rest[1] ?? "");

async function runAll(volume: VolumeKind, folder: string): Promise<void> {
  const world = await World.make(folder, program, {}, DISK_BYTES, volume);
  try {
    await runCases(attemptsOn(volume), world);
  } finally {
    await world.end();
  }
}

/** Makes a workspace and does not get to the end of that. */
async function begin(): Promise<void> {
  const sandbox = new Bubblewrap({ now: Date.now });
  stdout.write(JSON.stringify(await sandbox.create({ id: "alone", ttlMs: 60_000, diskBytes: 1024 * 1024 })));
  setInterval(() => undefined, 1000);
}

async function create(ttlMs: number): Promise<void> {
  const sandbox = new Bubblewrap({ now: Date.now });
  const state = await sandbox.create({ id: "alone", ttlMs, diskBytes: 1024 * 1024 });
  await sandbox.keep(state);
  stdout.write(JSON.stringify(state));
}

async function runOne(tty: boolean, state: HolderState, script: string): Promise<void> {
  const sandbox = new Bubblewrap({ now: Date.now });
  const spec = {
    argv: ["/bin/sh", "-c", script],
    env: {},
    inputs: [],
    tools: [],
    signal: new AbortController().signal,
  };
  exit((await sandbox.exec(state, { ...spec, tty }, { stdin, stdout, stderr })).exit);
}
