// The endpoint over time, by a clock that the test moves: a new session before the end of the old one, and none after it
// where AWS gives no other.
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Host, Serving } from "../../src/index.ts";
import { open } from "../../src/index.ts";
import { projectInAws } from "../aws/project.ts";
import { type LoopbackSts, startSts } from "../aws/sts.ts";
import { type Member, World } from "./harness.ts";

const MINUTE_MS = 60_000;
const world = new World();
let sts: LoopbackSts;
let serving: Serving;
let movedMs = 0;

beforeAll(async () => {
  const { bo } = await projectInAws(world);
  sts = await startSts();
  vi.stubEnv("AWS_ENDPOINT_URL_STS", sts.url);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAOWN");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "own-secret");
  const project = await open(hostOf(bo), { folder: bo.folder });
  serving = await project.serveCredentials({ provider: "aws", purpose: "modelling" }, { endsWithIt: false });
});
afterAll(async () => {
  await serving.close();
  await sts.close();
  vi.unstubAllEnvs();
});

function hostOf({ env, home, folder, id }: Member): Host {
  return {
    ...{ env, cwd: folder, home, userName: id, signal: new AbortController().signal },
    ...{ now: () => Date.now() + movedMs, progress: () => {}, notice: () => {} },
  };
}

async function ask(): Promise<{ readonly status: number; readonly key: string | undefined; readonly text: string }> {
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN: authorization = "" } = serving.environment;
  const answer = await fetch(serving.at, { headers: { authorization } });
  const text = await answer.text();
  return { status: answer.status, key: JSON.parse(text).AccessKeyId, text };
}

it("hands out one session until five minutes before its end, then the next, asked for once", async () => {
  const first = await ask();
  expect(first.status).toBe(200);
  movedMs = 54 * MINUTE_MS;
  expect((await ask()).key).toBe(first.key);
  expect(sts.requests).toHaveLength(1);
  movedMs = 56 * MINUTE_MS;
  // What STS gives from now on ends an hour after the moved clock.
  sts.lifeMs = movedMs + 60 * MINUTE_MS;
  const later = await Promise.all([ask(), ask(), ask()]);
  expect(new Set(later.map(({ key }) => key)).size).toBe(1);
  expect(later[0]?.key).not.toBe(first.key);
  expect(sts.requests).toHaveLength(2);
});

it("hands out nothing where AWS gives no more, and says so; a passing failure is one to try again", async () => {
  movedMs += 61 * MINUTE_MS;
  sts.failNext("AccessDenied", "the role's trust ended");
  const refused = await ask();
  expect([refused.status, refused.key]).toEqual([403, undefined]);
  expect(refused.text).not.toMatch(/ASIA|Token/);
  sts.failNext("InvalidAction", "not now", 400);
  expect((await ask()).status).toBe(503);
  sts.lifeMs = movedMs + 60 * MINUTE_MS;
  expect((await ask()).status).toBe(200);
});
