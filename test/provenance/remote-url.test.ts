import fc from "fast-check";
import { expect, test } from "vitest";
import { publicRemoteUrl } from "../../src/provenance/remote-url.ts";

test.each([
  ["https://git.example/a/b.git", "https://git.example/a/b.git"],
  ["https://alice:s3cret@git.example/a/b.git", "https://git.example/a/b.git"],
  ["https://s3cret@git.example:8443/a/b.git", "https://git.example:8443/a/b.git"],
  ["https://git.example/a/b.git?private_token=s3cret#s3cret", "https://git.example/a/b.git"],
  ["ssh://git@git.example:22/a/b.git", "ssh://git@git.example:22/a/b.git"],
  ["ssh://git:s3cret@git.example/a", "ssh://git@git.example/a"],
  ["ssh://s3cret@git.example/a", "ssh://git.example/a"],
  ["git@git.example:a/b.git", "ssh://git@git.example/a/b.git"],
  ["s3cret@git.example:a/b.git", "ssh://git@git.example/a/b.git"],
  ["git.example:a/b.git", "ssh://git.example/a/b.git"],
  ["git.example:/srv/b.git", "ssh://git.example/srv/b.git"],
])("%s -> %s", (remote, url) => {
  expect(publicRemoteUrl(remote)).toBe(url);
});

test.each([
  "",
  "/home/alice/s3cret.git",
  "../s3cret",
  "file:///home/alice/s3cret",
  "C:\\s3cret",
  "ext::sh -c s3cret% %S",
  "alice:s3cret@git.example:a/b.git",
  "https://https://alice:s3cret@git.example/a",
  "https://git.example/x%40s3cret",
  "https://",
  `https://git.example/${"s3cret".repeat(1000)}`,
])("left out: %s", (remote) => {
  expect(publicRemoteUrl(remote)).toBeUndefined();
});

test("no password gets through, wherever it stands before the host", () => {
  const word = fc.stringMatching(/^[a-z0-9:@/%?#+-]{0,12}$/);
  fc.assert(
    fc.property(fc.constantFrom("https://", "ssh://", ""), word, word, (scheme, user, more) => {
      const url = publicRemoteUrl(`${scheme}${user}:s3cret${more}@git.example/a.git`);
      if (url !== undefined && new URL(url).host === "git.example") expect(url).not.toContain("s3cret");
      if (url !== undefined) expect(new URL(url).password).toBe("");
    }),
    { numRuns: 300 },
  );
});
