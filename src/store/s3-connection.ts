// One client of the AWS SDK, loaded when it is first needed: attempts, time-outs, interruption, and the server's clock.
import { setTimeout as sleep } from "node:timers/promises";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { sdkCredentials } from "../base/aws.ts";
import { boundAnswers } from "../base/aws-answers.ts";
import { CloisterError } from "../base/errors.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { type Asked, isPassing, lateCredentials, s3Failure } from "./s3-failure.ts";
import type { S3Access, S3Timeouts } from "./s3-place.ts";

type Sdk = typeof import("@aws-sdk/client-s3");

/** What one attempt is given. */
export interface Attempt {
  readonly sdk: Sdk;
  readonly client: S3Client;
  readonly signal: AbortSignal;
  /** Options of `client.send` for a request that carries no object. */
  readonly quick: { readonly abortSignal: AbortSignal; readonly requestTimeout: number };
  /** Options of `client.send` for a request that carries one. */
  readonly long: { readonly abortSignal: AbortSignal; readonly requestTimeout: number };
}

const TIMEOUTS: S3Timeouts = {
  ...{ credentialsMs: 120_000, connectMs: 10_000, idleMs: 30_000, answerMs: 60_000, attemptMs: 600_000 },
};
/** What is asked for after an interruption must not keep a person waiting. */
const CLOSING = { answerMs: 5000, attemptMs: 5000 };
const ATTEMPTS = 6;
const CLOSING_ATTEMPTS = 2;
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5000;
/** Reads and parts of several packs at once; more sockets than this gain nothing and strain small servers. */
const SOCKETS = 32;

export class S3Connection {
  readonly access: S3Access;
  readonly #timeouts: S3Timeouts;
  #opened: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | undefined;
  /** Attempts under way that an interruption ends. */
  readonly #running = new Set<AbortController>();
  #heard: { readonly serverMs: number; readonly at: number } | undefined;

  constructor(access: S3Access) {
    this.access = access;
    this.#timeouts = { ...TIMEOUTS, ...access.timeouts };
    // One listener for all: dozens of requests are under way at once.
    access.signal.addEventListener("abort", () => {
      for (const controller of this.#running) controller.abort();
    });
  }

  /** The server's clock when it last answered, in ms since 1970, and how many ms ago that was. */
  get heard(): { readonly serverMs: number; readonly agoMs: number } | undefined {
    return this.#heard && { serverMs: this.#heard.serverMs, agoMs: performance.now() - this.#heard.at };
  }

  /**
   * Does something that may be done again, until it succeeds or asking again is of no use. The waits between the attempts
   * are random up to a bound that doubles ("full jitter"): clients that failed together must not come back together.
   * @throws CloisterError
   */
  async attempt<T>(asked: Asked, act: (attempt: Attempt) => Promise<T>): Promise<T> {
    const { signal } = this.access;
    const closing = signal.aborted;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(act, closing);
      } catch (error) {
        if (!closing && signal.aborted) throw interrupted();
        const last = tries >= (closing ? CLOSING_ATTEMPTS : ATTEMPTS);
        if (last || !isPassing(error)) throw s3Failure(error, asked, this.access);
      }
      const bound = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (tries - 1));
      await sleep(Math.random() * bound, undefined, closing ? {} : { signal }).catch(() => {
        throw interrupted();
      });
    }
  }

  async #once<T>(act: (attempt: Attempt) => Promise<T>, closing: boolean): Promise<T> {
    const { answerMs, attemptMs } = closing ? CLOSING : this.#timeouts;
    const controller = new AbortController();
    const { signal } = controller;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      controller.abort();
    }, attemptMs);
    if (!closing) this.#running.add(controller);
    if (!closing && this.access.signal.aborted) controller.abort();
    try {
      const quick = { abortSignal: signal, requestTimeout: Math.min(answerMs, attemptMs) };
      const long = { abortSignal: signal, requestTimeout: attemptMs };
      // A search for credentials listens to no signal.
      return await untilAborted(signal, async () => act({ ...(await this.#client()), signal, quick, long }));
    } catch (error) {
      if (!late) throw error;
      throw Object.assign(new Error(`no end within ${String(attemptMs)} ms`, { cause: error }), {
        name: "TimeoutError",
      });
    } finally {
      clearTimeout(timer);
      this.#running.delete(controller);
    }
  }

  #client(): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      // Whoever runs on may have credentials later.
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #open(): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
    const sdk = await import("@aws-sdk/client-s3");
    const client = new sdk.S3Client(configOf(this.access, this.#timeouts));
    boundAnswers(client);
    client.middlewareStack.add(
      (next) => async (args) => {
        const output = await next(args);
        this.#hear(output.response);
        return output;
      },
      // Next to the network, so that refusals tell the time, too.
      { step: "deserialize", priority: "low", name: "cloisterServerClock" },
    );
    await this.#findCredentials(client);
    return { sdk, client };
  }

  /** Before the first request, with an end of its own: a program that a profile names can wait for ever. */
  async #findCredentials(client: S3Client): Promise<void> {
    const late = AbortSignal.timeout(this.#timeouts.credentialsMs);
    try {
      await untilAborted(late, () => client.config.credentials());
    } catch (error) {
      throw late.aborted ? lateCredentials(this.access, this.#timeouts.credentialsMs) : error;
    }
  }

  /** The `Date` header has whole seconds, cut off: the clock it tells is up to a second behind the server's. */
  #hear(response: unknown): void {
    const { statusCode = 500, headers } = response as {
      statusCode?: number;
      headers?: Readonly<Record<string, string>>;
    };
    const serverMs = Date.parse(headers?.["date"] ?? "");
    // What stands in front of a server answers with 5xx in its name and has a clock of its own.
    if (statusCode < 500 && Number.isSafeInteger(serverMs)) this.#heard = { serverMs, at: performance.now() };
  }
}

function configOf(access: S3Access, { connectMs, idleMs, answerMs }: S3Timeouts): S3ClientConfig {
  const { region, profile, endpoint, credentials } = access;
  return {
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    // Names of buckets are no host names of somebody's own server.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials && { credentials: async () => sdkCredentials(await credentials()) }),
    // Attempts are counted here: after a lost answer, what comes next decides what it meant.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: connectMs,
      socketTimeout: idleMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
    },
    // Uploads carry the SHA-256 of what they send in their signature, and everything read is checked by the format.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    expectContinueHeader: false,
  };
}

function interrupted(): CloisterError {
  return new CloisterError("INTERRUPTED", "interrupted", { next: "run the same command again" });
}
