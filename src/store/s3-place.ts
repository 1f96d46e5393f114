// Where a store in a bucket lies, as people write it, checked before anything is asked of a server.
import type { AwsAccess } from "../base/aws.ts";
import { CloisterError } from "../base/errors.ts";

/** A bucket, or a part of one. */
export interface S3Place {
  readonly bucket: string;
  /** Without `/` at its ends; empty for the whole bucket. */
  readonly prefix: string;
}

/** How to reach the store in a bucket. */
export interface S3Access extends S3Place, AwsAccess {
  /** Of a server other than AWS, e.g. `https://s3.acme.example`. */
  readonly endpoint?: string | undefined;
  /** Ends what is under way. What is asked for later, to close an operation in order, has a few seconds. */
  readonly signal: AbortSignal;
  /** Ms; defaults that suit the internet are in `s3-connection.ts`. */
  readonly timeouts?: Partial<S3Timeouts> | undefined;
}

/** All in ms. No request is ever without one. */
export interface S3Timeouts {
  /** Until there are credentials: a profile's program may have to ask a person. */
  readonly credentialsMs: number;
  /** Until a connection stands. */
  readonly connectMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
  /** From the request to the head of its answer, for requests that carry no object. */
  readonly answerMs: number;
  /** For one attempt with all it transfers, at most one part of an object. */
  readonly attemptMs: number;
}

/** Rules of AWS; other servers allow less or the same. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const PREFIX_MAX = 256;

/** `s3://bucket` or `s3://bucket/some/prefix`. @throws CloisterError USAGE */
export function parseS3Url(url: string): S3Place {
  const match = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(url);
  const [, bucket = "", rest = ""] = match ?? [];
  const prefix = rest.replace(/\/$/, "");
  if (!BUCKET.test(bucket)) {
    throw wrong(url, "a bucket has 3 to 63 lower-case letters, digits, dots and hyphens");
  }
  if (prefix !== "" && (prefix.length > PREFIX_MAX || !PREFIX.test(prefix))) {
    throw wrong(url, "a prefix is made of letters, digits, . _ - between slashes, and no part starts with a dot");
  }
  return { bucket, prefix };
}

/** The store as a person would write it. */
export function s3Url({ bucket, prefix }: S3Place): string {
  return prefix === "" ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
}

/**
 * The endpoint, checked. Plain http only on this machine: without TLS whoever is on the way sees who stores what and can
 * take the answers, and the session token, for their own.
 *
 * @param insists the person said that plain http is fine
 * @throws CloisterError USAGE
 */
export function checkEndpoint(text: string, insists: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fits = url && ["http:", "https:"].includes(url.protocol) && url.pathname === "/" && !url.search && !url.hash;
  if (!fits || url.username !== "" || url.password !== "") {
    throw new CloisterError("USAGE", "the endpoint is no address of a server", {
      why: "it is written like https://s3.acme.example or http://127.0.0.1:9000, without path, query or password",
      next: "--endpoint URL, or the endpoint line of .cloister/config.yaml",
    });
  }
  if (url.protocol === "http:" && !insists && !isLoopback(url.hostname)) {
    throw new CloisterError("USAGE", `${url.origin} is not encrypted`, {
      why: "over plain http anyone on the way sees who stores what, and can answer in the server's place",
      next: "use https; in a network you trust, set CLOISTER_ALLOW_HTTP=1",
    });
  }
  return url.origin;
}

function isLoopback(host: string): boolean {
  return host === "[::1]" || host === "localhost" || host.endsWith(".localhost") || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function wrong(url: string, why: string): CloisterError {
  return new CloisterError("USAGE", `${url.slice(0, 200)} is no store in a bucket`, {
    why,
    next: "write it like s3://bucket/prefix",
  });
}
