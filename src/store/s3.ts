// A store in a bucket of S3, or of a server that speaks as S3 does.
import { CloisterError } from "../base/errors.ts";
import { checkObjectName, checkPrefix, isObjectName } from "./names.ts";
import { S3Connection } from "./s3-connection.ts";
import { createAtOnce, createInParts } from "./s3-create.ts";
import { SERVERS } from "./s3-failure.ts";
import { type S3Access, s3Url } from "./s3-place.ts";
import { type ProvingGround, partsKeepNames, proveOneWinner } from "./s3-prove.ts";
import { PART_BYTES, readRange, readWhole } from "./s3-read.ts";
import { discardUpload, unfinishedUploads } from "./s3-unfinished.ts";
import type { Store, StoredObject, Unfinished } from "./store.ts";

/** An answer's date is good for so long, in ms: no clock runs away within half a minute. */
const CLOCK_FRESH_MS = 30_000;

/** A page may be empty although others follow; a server that sends nothing else would never end. */
const EMPTY_PAGES_MAX = 100;

interface Page {
  readonly objects: readonly StoredObject[];
  /** Where the next one begins; undefined where there is none. */
  readonly next: string | undefined;
  /** Without anything at all, junk included. */
  readonly empty: boolean;
}

/** A {@link Store} in a bucket. Nothing is loaded or asked before it is used. */
export function s3Store(access: S3Access): Store {
  return new S3Store(access);
}

class S3Store implements Store {
  readonly url: string;
  readonly #connection: S3Connection;
  /** What keys start with. */
  readonly #base: string;
  #partsKeepNames: Promise<boolean> | undefined;

  constructor(access: S3Access) {
    this.url = s3Url(access);
    this.#connection = new S3Connection(access);
    this.#base = access.prefix === "" ? "" : `${access.prefix}/`;
  }

  async get(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    return await readWhole(this.#connection, this.#key(name), { name, bytesMax });
  }

  async range(name: string, from: number, length: number, into?: Uint8Array): Promise<Uint8Array | undefined> {
    return await readRange(this.#connection, this.#key(name), from, length, into);
  }

  /** S3 lists in the order of UTF-8 bytes, which for the characters of names is the order of names. */
  async *list(prefix: string): AsyncIterable<StoredObject> {
    checkPrefix(prefix);
    let last = "";
    let barren = 0;
    let token: string | undefined;
    do {
      const page = await this.#page(prefix, token);
      for (const object of page.objects) {
        if (object.name <= last) throw disordered();
        last = object.name;
        yield object;
      }
      barren = page.empty ? barren + 1 : 0;
      if (barren > EMPTY_PAGES_MAX) throw endless();
      token = page.next;
    } while (token !== undefined);
  }

  async create(name: string, parts: readonly Uint8Array[]): Promise<"created" | "exists"> {
    const draft = { key: this.#key(name), parts };
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const inParts = bytes > PART_BYTES && (await this.#mayUseParts());
    return await (inParts ? createInParts : createAtOnce)(this.#connection, draft);
  }

  async delete(name: string): Promise<void> {
    await this.#delete(this.#key(name));
  }

  async *unfinished(): AsyncIterable<Unfinished> {
    yield* unfinishedUploads(this.#connection, this.#base);
  }

  async discard(unfinished: Unfinished): Promise<void> {
    await discardUpload(this.#connection, this.#base, unfinished);
  }

  /** From the `Date` header of an answer, a recent one where there is one: up to a second behind the server's clock. */
  async now(): Promise<number> {
    const recent = this.#connection.heard;
    if (recent && recent.agoMs < CLOCK_FRESH_MS) return recent.serverMs + recent.agoMs;
    // Whether there is such an object does not matter.
    await readRange(this.#connection, `${this.#base}cloister`, 0, 0);
    const heard = this.#connection.heard;
    if (heard) return heard.serverMs + heard.agoMs;
    throw new CloisterError("UNSUPPORTED_HOST", "this server cannot hold a store", {
      why: "its answers have no Date header, and the log needs a clock that is not the writer's own",
    });
  }

  async prove(): Promise<void> {
    await proveOneWinner(this.#ground, await this.#mayUseParts());
  }

  /** AWS says that it keeps names then, too; any other server is tried, once for each process that needs to know. */
  async #mayUseParts(): Promise<boolean> {
    if (this.#connection.access.endpoint === undefined) return true;
    this.#partsKeepNames ??= partsKeepNames(this.#ground);
    // What could not be found out now is asked again by whoever needs it next.
    this.#partsKeepNames.catch(() => {
      this.#partsKeepNames = undefined;
    });
    return await this.#partsKeepNames;
  }

  get #ground(): ProvingGround {
    const remove = (key: string) => this.#delete(key);
    return { connection: this.#connection, base: `${this.#base}probe/`, remove };
  }

  #key(name: string): string {
    checkObjectName(name);
    return this.#base + name;
  }

  async #delete(key: string): Promise<void> {
    const { bucket } = this.#connection.access;
    await this.#connection.attempt({ action: "s3:DeleteObject", key }, async ({ sdk, client, quick }) => {
      await client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), quick);
    });
  }

  /**
   * Up to 1,000 objects. What the store never makes is passed over: whoever can write junk must not be able to break
   * every listing with it, which is also why names come URL-encoded (XML cannot carry every character).
   */
  async #page(prefix: string, token: string | undefined): Promise<Page> {
    const { bucket } = this.#connection.access;
    const start = this.#base + prefix;
    const answer = await this.#connection.attempt({ action: "s3:ListBucket" }, async ({ sdk, client, quick }) => {
      const page = { Bucket: bucket, Prefix: start, EncodingType: "url", ContinuationToken: token } as const;
      return await client.send(new sdk.ListObjectsV2Command(page), quick);
    });
    const objects = (answer.Contents ?? []).flatMap(({ Key, Size, LastModified }) => {
      const key = decoded(Key ?? "");
      const name = key?.startsWith(start) ? key.slice(this.#base.length) : "";
      const bytes = Size ?? -1;
      return isObjectName(name) && Number.isSafeInteger(bytes) && bytes >= 0
        ? [{ name, bytes, changedMs: instantOf(LastModified) }]
        : [];
    });
    const next = answer.IsTruncated ? answer.NextContinuationToken : undefined;
    // Half a listing must not be taken for a whole one: the end of the log is what it says it is.
    if (answer.IsTruncated && (!next || next === token)) throw endless();
    return { objects, next, empty: !answer.Contents?.length };
  }
}

/** Undefined for what is no time. */
function instantOf(date: Date | undefined): number | undefined {
  const ms = date?.getTime();
  return Number.isSafeInteger(ms) ? ms : undefined;
}

function decoded(key: string): string | undefined {
  try {
    return decodeURIComponent(key);
  } catch {
    return undefined;
  }
}

function endless(): CloisterError {
  return new CloisterError("UNSUPPORTED_HOST", "this server cannot hold a store", {
    why: "it does not list objects to the end: it says that there are more, and does not give them",
    next: SERVERS,
  });
}

function disordered(): CloisterError {
  return new CloisterError("UNSUPPORTED_HOST", "this server cannot hold a store", {
    why: "it does not list objects in the order of their names, each once",
    next: "use an ordinary (general purpose) bucket",
  });
}
