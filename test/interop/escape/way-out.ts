import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startEgress } from "../../../src/sandbox/egress/egress.ts";
import type { Attempt } from "./world.ts";

const FORWARDER = { address: "127.9.9.9", port: 80 };
const PROXY = { address: "127.9.9.9", port: 3128 };
const SPEAK = `use Socket; my ($host, $port, $text) = @ARGV; socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
  connect($s, pack_sockaddr_in($port, inet_aton($host))) or die "no: $host " . ($!+0);
  syswrite($s, $text); print <$s>;`;

export const WAY_OUT: readonly Attempt[] = [
  {
    name: "reach more through a way out than the one host it leads to, by a port below 1024 and by name",
    async run(world) {
      const seen: (string | undefined)[] = [];
      const service = createServer((request, response) => {
        seen.push(request.headers.host);
        response.end("reached");
      });
      await once(service.listen(0, "127.0.0.1"), "listening");
      const { port } = service.address() as AddressInfo;
      const good = `good.test:${String(port)}`;
      const [forwarder, proxy] = await world.sandbox.listen(world.state, [FORWARDER, PROXY]);
      assert.ok(forwarder && proxy);
      const egress = await startEgress({
        doors: [
          { server: forwarder, to: { host: "good.test", port } },
          { server: proxy, to: undefined },
        ],
        covering: (target) => [good].find((entry) => entry === `${target.host}:${String(target.port)}`),
        privateNetworks: ["127.0.0.1/32"],
        text: ({ message }) => message,
        resolver: async () => ["127.0.0.1"],
      });
      const speak = async (to: string, at: number, target: string, host: string) => {
        const text = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
        const argv = ["/usr/bin/perl", "-e", SPEAK, "--", to, String(at), text];
        const hosts = [{ name: "good.test", address: FORWARDER.address }];
        const { out, err } = await world.run(argv, world.state, { sharesLoopback: true, hosts });
        return out + err;
      };
      try {
        assert.match(await speak("good.test", FORWARDER.port, "/", good), /^HTTP\/1\.1 200[\s\S]*reached$/);
        assert.match(await speak(PROXY.address, PROXY.port, `http://${good}/`, good), /^HTTP\/1\.1 200/);
        for (const other of ["bad.test", `127.0.0.1:${String(port)}`, `localhost:${String(port)}`]) {
          assert.match(await speak(PROXY.address, PROXY.port, `http://${other}/`, other), /^HTTP\/1\.1 403/);
          assert.match(await speak("good.test", FORWARDER.port, "/", other), /^HTTP\/1\.1 403/);
        }
        // Without a share in the loopback there is nothing.
        const alone = ["/usr/bin/perl", "-e", SPEAK, "--", PROXY.address, String(PROXY.port), "x"];
        assert.match((await world.run(alone)).err, /no: 127\.9\.9\.9 111/);
        assert.deepEqual(seen, [good, good]);
      } finally {
        egress.close();
        service.close();
        service.closeAllConnections();
      }
    },
  },
];
