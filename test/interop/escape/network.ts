import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Attempt, World } from "./world.ts";

/** A service of the host that gives the secret to whoever connects; says how many did. */
async function serve(world: World, address: { path: string } | { port: number; host: string }) {
  let visitors = 0;
  const server = createServer((socket) => {
    visitors++;
    socket.on("error", () => undefined);
    socket.end(world.secret);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(address, resolve));
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound ? bound.port : 0,
    visitors: () => visitors,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

const CONNECT_TCP = `use Socket; my $port = shift; for my $host (@ARGV) { socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
  connect($s, pack_sockaddr_in($port, inet_aton($host))) and print "connected $host ", <$s>; print "$host ", $!+0, "\\n" }`;

export const NETWORK: readonly Attempt[] = [
  {
    name: "reach a service on the host's loopback and its own addresses",
    async run(world) {
      const service = await serve(world, { port: 0, host: "0.0.0.0" });
      try {
        const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
        const addresses = own.filter(({ family }) => family === "IPv4").map(({ address }) => address);
        const { out } = await world.perl(CONNECT_TCP, String(service.port), "127.0.0.1", ...addresses);
        assert.match(out, /^127\.0\.0\.1 111\n/);
        assert.ok(!out.includes("connected") && !out.includes(world.secret), out);
        assert.equal(service.visitors(), 0);
      } finally {
        await service.close();
      }
    },
  },
  {
    name: "reach an abstract unix socket of the host",
    async run(world) {
      const name = `cloister-${world.secret.slice(-12)}`;
      const service = await serve(world, { path: `\0${name}` });
      try {
        const script = `use Socket; socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
          connect($s, pack("Sa*", 1, "\\0$ARGV[0]")) and print "connected ", <$s>; print $!+0;`;
        const { out } = await world.perl(script, name);
        assert.equal(out, "111");
        assert.equal(service.visitors(), 0);
      } finally {
        await service.close();
      }
    },
  },
  {
    name: "reach a unix socket in the host's files",
    async run(world) {
      const path = join(world.folder, "agent.sock");
      const service = await serve(world, { path });
      chmodSync(path, 0o777);
      try {
        const script = `use Socket; for my $p ($ARGV[0], "/proc/1/root$ARGV[0]", "/var/run/docker.sock", "/run/dbus/system_bus_socket") {
          socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die; connect($s, pack_sockaddr_un($p)) and print "connected ", <$s> }`;
        const { out } = await world.perl(script, path);
        assert.equal(out, "");
        assert.equal(service.visitors(), 0);
      } finally {
        await service.close();
      }
    },
  },
  {
    name: "reach more than what listens on a shared loopback, and that without sharing it",
    async run(world) {
      const host = await serve(world, { port: 0, host: "127.0.0.1" });
      const name = `cloister-${world.secret.slice(-12)}-shared`;
      const abstract = await serve(world, { path: `\0${name}` });
      const [inside] = await world.sandbox.listen(world.state, [{ address: "127.0.0.1", port: 0 }]);
      assert.ok(inside);
      inside.on("connection", (socket) => socket.end("offered"));
      const bound = inside.address();
      const port = typeof bound === "object" && bound ? bound.port : 0;
      try {
        const argv = (at: number) => [
          "/usr/bin/perl",
          "-e",
          CONNECT_TCP,
          "--",
          String(at),
          "127.0.0.1",
          "169.254.170.2",
        ];
        const shared = { sharesLoopback: true };
        // The attempt counts only where what is offered is really there.
        const offered = await world.run(argv(port), world.state, shared);
        assert.match(offered.out, /^connected 127\.0\.0\.1 offered/);
        assert.match(offered.out, /169\.254\.170\.2 101\n$/);
        if (host.port !== port)
          assert.match((await world.run(argv(host.port), world.state, shared)).out, /^127\.0\.0\.1 111\n/);
        const unix = `use Socket; socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
          connect($s, pack("Sa*", 1, "\\0$ARGV[0]")) and print "connected "; print $!+0;`;
        assert.equal((await world.run(["/usr/bin/perl", "-e", unix, "--", name], world.state, shared)).out, "111");
        const links = await world.run(["/bin/sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1"], world.state, shared);
        assert.equal(links.out.trim(), "lo");
        assert.match((await world.run(argv(port))).out, /^127\.0\.0\.1 111\n/);
        assert.equal(host.visitors() + abstract.visitors(), 0);
      } finally {
        inside.close();
        await Promise.all([host.close(), abstract.close()]);
      }
    },
  },
  {
    name: "reach the cloud metadata address and the internet",
    async run(world) {
      const { out } = await world.perl(CONNECT_TCP, "80", "169.254.169.254", "169.254.170.2", "1.1.1.1");
      // ENETUNREACH: there is not even a route.
      assert.equal(out, "169.254.169.254 101\n169.254.170.2 101\n1.1.1.1 101\n");
      const { out: links } = await world.sh("tail -n +3 /proc/net/dev | cut -d: -f1");
      assert.equal(links.trim(), "lo");
    },
  },
  {
    name: "open raw, packet, virtual machine and crypto sockets",
    async run(world) {
      const { out } = await world.perl(`for ([2, 3, 1], [10, 3, 58], [2, 10, 768], [17, 3, 768], [40, 1, 0], [38, 5, 0],
        [31, 3, 1], [44, 3, 0]) { my $r = syscall($nr{socket}, @$_); print "$$_[0] $r ", $!+0, "\\n" }`);
      assert.equal(out, "2 -1 1\n10 -1 1\n2 -1 1\n17 -1 97\n40 -1 97\n38 -1 97\n31 -1 97\n44 -1 97\n");
    },
  },
  {
    name: "open netlink sockets other than for routes",
    async run(world) {
      const { out } = await world.perl(`for my $p (1 .. 22) { my $r = syscall($nr{socket}, 16, 3, $p);
        print "open $p\\n" if $r >= 0; } print syscall($nr{socket}, 16, 3, 0) >= 0 ? "route" : "none";`);
      assert.equal(out, "route");
    },
  },
];
