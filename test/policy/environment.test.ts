// Environment templates are read as strictly as the policy.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { readEnvironmentTemplate } from "../../src/policy/environment.ts";

const read = (text: string) => readEnvironmentTemplate(Buffer.from(text), "mine");
const minimal = 'environment: 1\nsummary: "x"\n';

test("those of the package are sound, and ask for nothing", () => {
  const folder = join(import.meta.dirname, "../../templates/workspace");
  const files = readdirSync(folder);
  expect(files.sort()).toEqual(["node.yaml", "plain.yaml", "python.yaml"]);
  for (const file of files) {
    const template = readEnvironmentTemplate(readFileSync(join(folder, file)), file);
    expect(template).toMatchObject({ network: [], mounts: [], gpu: false });
  }
});

test("everything that a template may say is there", () => {
  const text = `${minimal}variables: { A: b }
offline-variables: { C: d }
path: [/opt/x/bin]
folders: [/workspace/out, /home/user/.cache]
setup: [sh, -c, "true", sh]
network: ["example.org:443"]
mounts: [/opt/x, "/data/y:/opt/y"]
gpu: true
suggested-network: ["*.example.org:443"]
`;
  expect(read(text)).toEqual({
    ...{ summary: "x", variables: { A: "b" }, offline: { C: "d" }, path: ["/opt/x/bin"] },
    ...{ folders: ["/workspace/out", "/home/user/.cache"], setup: ["sh", "-c", "true", "sh"] },
    ...{ network: ["example.org:443"], mounts: ["/opt/x", "/data/y:/opt/y"], gpu: true },
    suggestedNetwork: ["*.example.org:443"],
  });
});

test.each([
  ["", "empty"],
  ["[]", "map"],
  ['summary: "x"', "environment"],
  ['environment: 2\nsummary: "x"', "must be 1"],
  ["environment: 1", "summary"],
  [`${minimal}image: debian`, "unknown key"],
  [`${minimal}moutns: [/opt]`, "unknown key"],
  [`${minimal}secrets: [token]`, "unknown key"],
  [`${minimal}gpu: yes please`, "true or false"],
  [`${minimal}mounts: [opt]`, "mounts"],
  [`${minimal}mounts: [/]`, "mounts"],
  [`${minimal}mounts: ["/opt/../etc"]`, "mounts"],
  [`${minimal}mounts: ["/opt:/a:/b"]`, "mounts"],
  [`${minimal}network: ["*:443"]`, "network"],
  [`${minimal}network: ["10.0.0.1:443"]`, "network"],
  [`${minimal}path: ["/opt:/usr/bin"]`, "path"],
  [`${minimal}path: [bin]`, "path"],
  [`${minimal}folders: [/etc/x]`, "folders"],
  [`${minimal}folders: ["/workspace/../etc"]`, "folders"],
  [`${minimal}variables: { PATH: /x }`, "variable"],
  [`${minimal}variables: { "A=B": x }`, "variable"],
  [`${minimal}variables: { A: [x] }`, "text"],
  [`${minimal}setup: rm -rf /`, "list of words"],
  [`${minimal}setup: []`, "list of words"],
  [`${minimal}setup: [{ a: b }]`, "text"],
  [`${minimal}summary: "again"`, ""],
  [`${minimal}variables: &a { A: b }\noffline-variables: *a`, ""],
])("is refused: %j", (text, why) => {
  expect(() => read(text)).toThrow(CloisterError);
  expect(() => read(text)).toThrow(expect.objectContaining({ code: "USAGE", why: expect.stringContaining(why) }));
});
