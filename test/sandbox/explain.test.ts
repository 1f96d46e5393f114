import { expect, test } from "vitest";
import { explainFailure } from "../../src/sandbox/host/explain.ts";
import { callerBy, idsOf, runtimeFolderProblem } from "../../src/sandbox/podman/problem.ts";

const kernel = (settings: Readonly<Record<string, string>>) => (name: string) => settings[name];

test.each([
  ["bwrap", "bubblewrap", "profile bwrap /usr/bin/bwrap"],
  ["podman", "podman", "profile podman /usr/bin/podman"],
] as const)(
  "Ubuntu's restriction of user namespaces is named with the profile that lifts it for %s",
  (program, called, profile) => {
    const setting = kernel({
      "kernel/apparmor_restrict_unprivileged_userns": "1",
      "user/max_user_namespaces": "15000",
    });
    const { why, next } = explainFailure("setting up uid map: Permission denied", { program, setting });
    expect(why).toContain(`AppArmor keeps unprivileged user namespaces from ${called}`);
    expect(next).toContain(profile);
    expect(next).toContain(`/etc/apparmor.d/${program}`);
  },
);

test("user namespaces that are off are switched on first", () => {
  const off = kernel({ "user/max_user_namespaces": "0", "kernel/apparmor_restrict_unprivileged_userns": "1" });
  expect(explainFailure("", { setting: off }).next).toBe("sudo sysctl -w user.max_user_namespaces=15000");
  const debian = kernel({ "kernel/unprivileged_userns_clone": "0" });
  expect(explainFailure("", { setting: debian }).next).toBe("sudo sysctl -w kernel.unprivileged_userns_clone=1");
});

test.each([
  ["bwrap: Unknown option --disable-userns", "bubblewrap is older than 0.8"],
  ["exec: newuidmap: executable file not found", "newuidmap, which rootless podman needs, does not work"],
  ["crun: cgroups in hybrid mode not supported", "crun cannot use this machine's mixture of cgroups v1 and v2"],
  ["something else\n", "a sandbox did not start: something else"],
])("%s", (failure, why) => {
  expect(explainFailure(failure, { setting: kernel({}) }).why).toBe(why);
});

test("subordinate ids count for their owner, by name or number", () => {
  const list = "ana:100000:65536\n1001:200000:1000\nana:300000:10\nbroken\n";
  expect(idsOf(list, "ana", 1000)).toBe(65_546);
  expect(idsOf(list, "ben", 1001)).toBe(1000);
  expect(idsOf(list, "cleo", 1002)).toBe(0);
});

test("a folder whose path podman would refuse at the end of each container is refused before the first", () => {
  expect(runtimeFolderProblem(undefined)).toBeUndefined();
  expect(runtimeFolderProblem("/run/user/4294967294")).toBeUndefined();
  expect(runtimeFolderProblem(`/${"r".repeat(38)}`)).toBeUndefined();
  expect(runtimeFolderProblem(`/${"r".repeat(39)}`)).toMatchObject({ why: expect.stringContaining("XDG_RUNTIME_DIR") });
});

test("whoever no user database knows, as in a container, goes by the number", () => {
  const unknown = () => {
    throw new Error("uv_os_get_passwd returned ENOENT");
  };
  expect(callerBy(unknown)).toEqual({ username: String(process.geteuid?.()), uid: process.geteuid?.() });
});
