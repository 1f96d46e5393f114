// The parts of limits that depend on how a host has its control groups, for hosts that are not here.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { enterWords } from "../../src/sandbox/limits/cgroup.ts";
import { locate, upwards } from "../../src/sandbox/limits/hierarchy.ts";
import { allowedProcessors, chooseProcessors } from "../../src/sandbox/limits/processors.ts";
import { amountsOf, settingsOf } from "../../src/sandbox/limits/settings.ts";
import { startScope } from "../../src/sandbox/limits/systemd.ts";

const mount = (root: string, point: string, own: string) => `35 31 0:32 ${root} ${point} rw,relatime - ${own}`;
const UNIFIED = mount("/", "/sys/fs/cgroup", "cgroup2 cgroup2 rw,nsdelegate");

test.each([
  {
    host: "version 2",
    cgroup: "0::/user.slice/user-1000.slice/session-3.scope",
    mounts: [UNIFIED],
    place: { version: 2, mount: "/sys/fs/cgroup", folder: "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope" },
  },
  {
    host: "version 1 beside an empty version 2",
    cgroup: "9:name=systemd:/\n4:cpu,memory:/jobs/7\n0::/other",
    mounts: [UNIFIED, mount("/", "/sys/fs/cgroup/memory", "cgroup cgroup rw,cpu,memory")],
    place: { version: 1, mount: "/sys/fs/cgroup/memory", folder: "/sys/fs/cgroup/memory/jobs/7" },
  },
  {
    host: "a container that sees its own part alone",
    cgroup: "4:memory:/docker/abc/inner",
    mounts: [mount("/docker/abc", "/sys/fs/cgroup/memory", "cgroup cgroup rw,memory")],
    place: { version: 1, mount: "/sys/fs/cgroup/memory", folder: "/sys/fs/cgroup/memory/inner" },
  },
  {
    host: "a container with a namespace of its own",
    cgroup: "0::/",
    mounts: [UNIFIED],
    place: { version: 2, mount: "/sys/fs/cgroup", folder: "/sys/fs/cgroup" },
  },
  { host: "a group that is out of sight", cgroup: "0::/../../x", mounts: [UNIFIED], place: undefined },
  { host: "no hierarchy that is mounted", cgroup: "4:memory:/a", mounts: [UNIFIED], place: undefined },
  {
    host: "a mount point with a space",
    cgroup: "0::/a",
    mounts: [mount("/", "/my\\040groups", "cgroup2 cgroup2 rw")],
    place: { version: 2, mount: "/my groups", folder: "/my groups/a" },
  },
])("finds the group of a process: $host", ({ cgroup, mounts, place }) => {
  expect(locate("memory", cgroup, mounts.join("\n"))).toEqual(place);
});

test("the groups above, the innermost first", () => {
  expect(upwards({ version: 2, mount: "/g", folder: "/g/a/b" })).toEqual(["/g/a/b", "/g/a", "/g"]);
});

test("a volume in memory has room beside the programs, and Cloister's own processes beside the commands'", () => {
  const amounts = amountsOf({ cpus: 2, memoryBytes: 1000, processes: 50 }, 500);
  expect([...amounts]).toEqual([
    ["cpu", 2],
    ["memory", 1500],
    ["pids", 82],
  ]);
  expect(amountsOf({ openFiles: 5, runMs: 6 }, 500).size).toBe(0);
});

test("both versions are written", () => {
  expect(settingsOf("cpu", 2, 3)).toEqual([{ file: "cpu.max", text: "300000 100000" }]);
  expect(settingsOf("memory", 2, 1500).map(({ file, text }) => `${file} ${text}`)).toEqual([
    "memory.max 1500",
    "memory.swap.max 0",
  ]);
  // The limit with swap may never be below the one without.
  expect(settingsOf("memory", 1, 1500).map(({ file }) => file)).toEqual([
    "memory.swappiness",
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
  ]);
});

test("a scope of the user's own systemd", () => {
  const amounts = amountsOf({ cpus: 2, memoryBytes: 1000, processes: 50 }, 0);
  const scope = { manager: "user", name: "cloister-1.scope" } as const;
  const words = startScope({ env: "/usr/bin/env", run: "/usr/bin/systemd-run" }, scope, 1000, amounts);
  expect(words.slice(0, 3)).toEqual([
    "/usr/bin/env",
    "XDG_RUNTIME_DIR=/run/user/1000",
    "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus",
  ]);
  expect(words.slice(3, 9)).toEqual([
    ...["/usr/bin/systemd-run", "--user", "--scope", "--quiet", "--collect"],
    "--unit=cloister-1.scope",
  ]);
  expect(words.filter((word) => word.startsWith("--property="))).toEqual([
    ...["--property=Delegate=yes", "--property=ManagedOOMPreference=avoid", "--property=CPUQuota=200%"],
    ...["--property=MemoryMax=1000", "--property=MemorySwapMax=0", "--property=TasksMax=82"],
  ]);
  expect(words.at(-1)).toBe("--");
});

test("processors are chosen among those allowed, others for other workspaces", () => {
  expect(allowedProcessors("Name:\tx\nCpus_allowed_list:\t0-2,8\n")).toEqual([0, 1, 2, 8]);
  expect(chooseProcessors(2, "00000003", [0, 1, 2, 8])).toEqual([0, 8]);
  expect(chooseProcessors(1, "00000001", [0, 1, 2, 8])).toEqual([1]);
  expect(chooseProcessors(4, "00000001", [0, 1, 2, 8])).toBeUndefined();
});

test("a record that was changed has nothing written where no control group is", () => {
  const folder = join(mkdtempSync(join(tmpdir(), "cloister-test-")), "cloister-a-1-1");
  mkdirSync(folder);
  const entrant = { programs: { sh: "/bin/sh", env: "/usr/bin/env" }, uid: 0 };
  for (const changed of [folder, "/sys/fs/cgroup", "/etc"]) {
    expect(() => enterWords(entrant, { folders: [changed], holds: [] })).toThrow(
      expect.objectContaining({ code: "FAILURE" }),
    );
  }
  rmSync(join(folder, ".."), { recursive: true });
});
