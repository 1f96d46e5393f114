// Servers that speak S3 differ in what they make of If-None-Match. The whole store stands on it, so it is tried out.
import { randomBytes } from "node:crypto";
import { CloisterError } from "../base/errors.ts";
import type { S3Connection } from "./s3-connection.ts";
import { createAtOnce, createInParts } from "./s3-create.ts";
import { SERVERS } from "./s3-failure.ts";
import { readWhole } from "./s3-read.ts";

const RACERS = 16;
/** An upload in parts takes three requests for each racer. */
const RACERS_IN_PARTS = 4;

/** Where to try something out. */
export interface ProvingGround {
  readonly connection: S3Connection;
  /** What the keys start with; ends in `/`. Nothing is left there. */
  readonly base: string;
  remove(key: string): Promise<void>;
}

/**
 * Lets writers race for a name: exactly one may win, and its bytes must lie there.
 *
 * @param inParts whether large objects will be written in parts, so that this has to be proved, too
 * @throws CloisterError UNSUPPORTED_HOST where the server lets more or less than one win
 */
export async function proveOneWinner(ground: ProvingGround, inParts: boolean): Promise<void> {
  const race = (how: string, racers: number, create: Race["create"]) =>
    onNewKey(ground, (key) => run(ground.connection, key, { how, racers, create }));
  await race("with PutObject", RACERS, createAtOnce);
  if (inParts) await race("with CompleteMultipartUpload", RACERS_IN_PARTS, createInParts);
}

/**
 * Whether the last request of an upload in parts leaves a name alone that is taken. Several servers honour the condition
 * of PutObject and ignore it here (Ceph up to 16 at least); whoever may not try it out must assume so.
 */
export async function partsKeepNames(ground: ProvingGround): Promise<boolean> {
  try {
    return await onNewKey(ground, async (key) => {
      await createAtOnce(ground.connection, { key, parts: [randomBytes(32)] });
      return (await createInParts(ground.connection, { key, parts: [randomBytes(32)] })) === "exists";
    });
  } catch (error) {
    if (error instanceof CloisterError && (error.code === "FAILURE" || error.code === "UNSUPPORTED_HOST")) return false;
    throw error;
  }
}

async function onNewKey<T>({ base, remove }: ProvingGround, use: (key: string) => Promise<T>): Promise<T> {
  const key = `${base}${randomBytes(16).toString("hex")}`;
  try {
    return await use(key);
  } finally {
    await remove(key);
  }
}

interface Race {
  readonly how: string;
  readonly racers: number;
  readonly create: typeof createAtOnce;
}

async function run(connection: S3Connection, key: string, { how, racers, create }: Race): Promise<void> {
  const bytes = Array.from({ length: racers }, () => randomBytes(32));
  const ends = await Promise.allSettled(bytes.map((mine) => create(connection, { key, parts: [mine] })));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  const winners = bytes.filter((_, at) => (ends[at] as PromiseFulfilledResult<string>).value === "created");
  // Whoever comes later must lose, too: some servers look only at what is under way.
  const late = await create(connection, { key, parts: [randomBytes(32)] });
  const there = await readWhole(connection, key, { name: "probe", bytesMax: 1024 });
  const [winner] = winners;
  if (winners.length !== 1 || late === "created" || !winner || Buffer.compare(there ?? Buffer.alloc(0), winner) !== 0) {
    const count = winners.length + (late === "created" ? 1 : 0);
    throw new CloisterError(
      "UNSUPPORTED_HOST",
      "this server cannot hold a store: it lets several writers win one name",
      {
        why: `of ${String(racers + 1)} writers of one new name ${how}, ${String(count)} were told that they made it; entries of the log would be lost`,
        next: SERVERS,
      },
    );
  }
}
