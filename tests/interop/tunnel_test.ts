import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect } from "../../client/mod.ts";
import { formatPrivateKey, formatPublicKeyLine, type PrivateKey } from "../../keys/mod.ts";
import { authenticateUsers, type ServerConnection } from "../../server/mod.ts";
import { ChannelOpenError } from "../../wire/errors.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { listeningServer } from "../helpers/listening_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { describePeer } from "../helpers/peers.ts";
import { isRoot, keyOf } from "../helpers/sshd.ts";

const TIMEOUT_MS = 30_000;
const POINT_TO_POINT = 1;
/** The number by which a client leaves it to the server which device a tunnel gets. */
const ANY = 0x7fffffff;

/** `ssh` makes the device of its own end before it asks the server. */
const canMakeDevice = isRoot && await canOpen("/dev/net/tun");

/** A tunnel, as the server's application sees it. */
interface Tunnel {
  readonly mode: number;
  /** The device that the client has asked for. */
  readonly device: number;
  /** The one that the login's line names. */
  readonly named: string | undefined;
}

async function canOpen(path: string): Promise<boolean> {
  try {
    (await Deno.open(path, { read: true, write: true })).close();
    return true;
  } catch {
    return false;
  }
}

describePeer("ssh", "tunnels", (ssh) => {
  let directory = "";
  let key: PrivateKey;
  let keyFile = "";
  let client: OpenSshClient;

  beforeAll(async () => {
    directory = await Deno.makeTempDir({ prefix: "sshflow-tunnel-" });
    client = new OpenSshClient({ ssh, sshpass: "" }, directory);
    key = await keyOf("ed25519");
    keyFile = `${directory}/key`;
    await Deno.writeTextFile(keyFile, await formatPrivateKey(key), { mode: 0o600 });
  });
  afterAll(() => Deno.remove(directory, { recursive: true }));

  /** Asks for a tunnel, and gives what the application was asked; null if it was not. */
  async function ask(options: string, device: number | "any"): Promise<Tunnel | null> {
    let asked: Tunnel | null = null;
    const line = formatPublicKeyLine(key.publicKey);
    await using server = listeningServer({
      hostKeys: [key],
      authenticate: authenticateUsers({
        ada: { authorizedKeys: `${options === "" ? "" : `${options} `}${line}\n` },
      }),
      session: () => {},
      onChannelOpen: async (open) => {
        const reader = new Reader(open.extra, open.type);
        const [mode, wanted] = [reader.uint32(), reader.uint32()];
        const { user }: ServerConnection = server.last;
        asked = { mode, device: wanted, named: user?.permissions.tunnel };
        await open.accept().close();
      },
    });
    const opened = canMakeDevice
      ? await openBySsh(server.port, device)
      : await openByUs(server.port, device === "any" ? ANY : device);
    assert.equal(opened, asked !== null);
    return asked;
  }

  async function openBySsh(port: number, device: number | "any"): Promise<boolean> {
    const hostKeys = [formatPublicKeyLine(key.publicKey)];
    const target = { port, hostKeys, user: "ada", method: "publickey", keyFile } as const;
    const own = ["-o", "ExitOnForwardFailure=yes", "-w", `any:${device}`];
    const { code, stderr } = await new Deno.Command(ssh, {
      args: [...await client.args(target, own), "true"],
      stdin: "null",
      stdout: "null",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    if (code === 0) return true;
    assert.match(new TextDecoder().decode(stderr), /^Tunnel forwarding failed\r?$/m);
    return false;
  }

  async function openByUs(port: number, device: number): Promise<boolean> {
    const auth = { privateKey: key };
    const conn = await Deno.connect({ port });
    await using ours = await connect(conn, { user: "ada", auth, insecureAcceptAnyHostKey: true });
    const extra = new Writer().uint32(POINT_TO_POINT).uint32(device).finish();
    const opening = ours.connection.openChannel("tun@openssh.com", { extra });
    return await opening.then(() => true, (error) => {
      if (error instanceof ChannelOpenError) return false;
      throw error;
    });
  }

  const cases: readonly [options: string, device: number | "any", named: string | null][] = [
    ["", 7, ""],
    ["restrict", 7, null],
    ["no-port-forwarding", 7, null],
    ['permitopen="127.0.0.1:80"', 7, null],
    ['tunnel="7"', 7, "7"],
    ['tunnel="7"', "any", "7"],
    ['tunnel="7"', 8, null],
    ['tunnel="any"', 8, "any"],
    ['restrict,tunnel="7"', 7, "7"],
    ['restrict,tunnel="7"', 8, null],
  ];
  const by = canMakeDevice ? "ssh -w" : "our client, for ssh -w needs root and /dev/net/tun";
  for (const [options, device, named] of cases) {
    const outcome = named === null ? "refused" : "the application's to grant";
    it(`${options || "no options"}, device ${device}: ${outcome} (by ${by})`, async () => {
      const tunnel = named === null ? null : {
        mode: POINT_TO_POINT,
        device: device === "any" ? ANY : device,
        named: named === "" ? undefined : named,
      };
      assert.deepEqual(await ask(options, device), tunnel);
    });
  }
});
