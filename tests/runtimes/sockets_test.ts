import { after, before, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { TextLineStream } from "@std/streams";
import { connect } from "../../client/mod.ts";
import { concat } from "../helpers/bytes.ts";
import { describePeer } from "../helpers/peers.ts";
import { seededRandom } from "../helpers/seeded_random.ts";
import { type Bundle, makeBundle } from "./bundle.ts";
import { installPrograms } from "./install.ts";
import { NODE_FLAGS } from "./programs.ts";

installPrograms();

/** A server that gives back what it gets; it tells its port and its key. */
const SERVER = `
import net from "node:net";
import * as ssh from "./sshflow.js";
const key = await ssh.generateKey("ed25519");
const server = net.createServer((socket) => {
  const connection = ssh.serve(socket, {
    hostKeys: [key],
    authenticate: ssh.authenticateUsers({ ada: { password: "sesame" } }),
    algorithms: ssh.selectAlgorithms({ macs: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512"] }),
    session: (session) => session.stdin.pipeTo(session.stdout),
    onError: () => {},
  });
  connection.closed.catch(() => {});
});
server.listen(0, "127.0.0.1", async () => {
  console.log(server.address().port + " " + await ssh.fingerprint(key.publicKey));
});
`;

const ETM = "hmac-sha2-256-etm@openssh.com";
const CHOICES = [
  { ciphers: ["chacha20-poly1305@openssh.com"] },
  { ciphers: ["aes128-gcm@openssh.com"] },
  { ciphers: ["aes256-gcm@openssh.com"] },
  { ciphers: ["aes256-ctr"], macs: [ETM] },
  { ciphers: ["aes128-ctr"], macs: ["hmac-sha2-512"] },
  { ciphers: ["aes128-gcm@openssh.com"], compression: ["zlib@openssh.com"] },
];

/** Packets of all sizes, on both sides of where they are treated differently. */
const LENGTHS = [1, 100, 8180, 8192, 32_768, 7, 65_536, 131_072, 131_073, 262_144, 1_000_000, 3];

for (const [name, flags] of [["node", NODE_FLAGS], ["bun", []]] as const) {
  describePeer(name, "a server on a socket of another runtime", (path) => {
    let bundle: Bundle;
    let server: Deno.ChildProcess;
    let [port, fingerprint] = [0, ""];

    before(async () => {
      bundle = await makeBundle("tests/runtimes/program.ts");
      const file = `${bundle.folder}/server.js`;
      await Deno.writeTextFile(file, SERVER);
      server = new Deno.Command(path, { args: [...flags, file], stdout: "piped" }).spawn();
      const lines = server.stdout.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const line of lines) {
        const [first, second] = line.split(" ");
        [port, fingerprint] = [Number(first), second ?? ""];
        break;
      }
    });

    after(async () => {
      server.kill();
      await server.status;
      bundle[Symbol.dispose]();
    });

    for (const algorithms of CHOICES) {
      it(`gives back what it gets: ${Object.values(algorithms).flat().join(", ")}`, async () => {
        const random = seededRandom(1);
        const sent = LENGTHS.map((length) => random(length));
        await using client = await connect(await Deno.connect({ hostname: "127.0.0.1", port }), {
          user: "ada",
          auth: { password: "sesame" },
          authenticator: fingerprint,
          algorithms,
        });
        const process = client.command("cat").spawn();
        const [{ stdout }] = await Promise.all([process.output(), writeAll(process.stdin, sent)]);
        assert.deepEqual(stdout, concat(sent));
      });
    }
  });
}

async function writeAll(
  stream: WritableStream<Uint8Array>,
  chunks: readonly Uint8Array[],
): Promise<void> {
  const writer = stream.getWriter();
  for (const chunk of chunks) await writer.write(chunk);
  await writer.close();
}
