// Images, by digest: what runs in a workspace is what the policy names, and nothing that was put in its place.
import { CloisterError } from "../../base/errors.ts";
import { ask, engine, lastWords, type Runtime } from "./runtime.ts";

/** Long enough for an image with CUDA over a slow line. */
const PULL_MS = 2 * 3_600_000;

/** `[REGISTRY/]NAME@sha256:…` (distribution spec). @throws {@link CloisterError} USAGE */
export function checkImage(image: string | undefined): string {
  if (image !== undefined && /^[a-z0-9][a-z0-9._:/-]{0,255}@sha256:[0-9a-f]{64}$/.test(image)) return image;
  throw new CloisterError(
    "USAGE",
    image === undefined ? "podman needs an image" : `${image} names no image by digest`,
    {
      why: "a name alone can mean another image tomorrow",
      next: "add --image NAME@sha256:…   (podman image ls --digests shows those that are here)",
    },
  );
}

/** Pulls an image that is not here. @throws {@link CloisterError} UNAVAILABLE with podman's reason */
export async function bringImage(runtime: Runtime, image: string): Promise<void> {
  const podman = engine(runtime);
  if ((await ask(runtime, [...podman, "image", "exists", image])).exit === 0) return;
  const { exit, message } = await ask(runtime, [...podman, "pull", "--quiet", image], { withinMs: PULL_MS });
  if (exit === 0) return;
  throw new CloisterError("UNAVAILABLE", `the image ${image} is not on this machine and cannot be fetched`, {
    why: lastWords(message),
    next: `podman pull ${image}`,
  });
}
