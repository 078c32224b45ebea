/**
 * Records conversations with the OpenSSH of this machine: one for each key exchange, cipher and
 * MAC that it has, in each role. Run by `deno task record`, it replaces those that were there.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { toBase64 } from "../../crypto/base64.ts";
import { formatPrivateKey, formatPublicKeyLine } from "../../keys/mod.ts";
import { type AlgorithmNames, type Role, supportedAlgorithms } from "../../protocol/mod.ts";
import { concat } from "../helpers/bytes.ts";
import { toHex } from "../helpers/hex.ts";
import { knownAlgorithms, OpenSshClient } from "../helpers/openssh_client.ts";
import { peer } from "../helpers/peers.ts";
import { type Sshd, startSshd } from "../helpers/sshd.ts";
import { DATA, keyFor, Party, type Setting } from "./_party.ts";
import type { Recording } from "./_recording.ts";

/** What is recorded in either role. */
type Subject = Pick<Recording, "name" | "offer" | "rekeys">;
type Unnamed = Omit<Recording, "name">;

/** Reads at most as much at once. */
const CHUNK_BYTES = 65536;
const HOSTNAME = "127.0.0.1";

const ssh = peer("ssh");
if (ssh === null) throw new Error("Cannot record: ssh is not installed");
// A key that anybody could make must not open a server, be it for the time of a recording.
const keySeed = crypto.randomUUID();
const userKey = await keyFor("client", keySeed);
const hostKey = await keyFor("server", keySeed);
const subjects = [...allSubjects(ssh)];
const directory = await Deno.makeTempDir({ prefix: "sshflow-record-" });
try {
  await using sshd = await startSshd({ hostKeys: ["ed25519"], authorizedKeys: [userKey] });
  await record("client", (subject) => withServer(sshd, subject));
  const client = new OpenSshClient({ ssh, sshpass: "sshpass" }, directory);
  await record("server", (subject) => withClient(client, subject));
} finally {
  await Deno.remove(directory, { recursive: true });
}

function* allSubjects(ssh: string): Generator<Subject> {
  const { kex, ciphers, macs } = supportedAlgorithms;
  const shared = (ours: readonly { readonly name: string }[], what: string): string[] => {
    const theirs = knownAlgorithms(ssh, what);
    return ours.map(({ name }) => name).filter((name) => theirs.has(name));
  };
  const subject = (name: string, offer: AlgorithmNames): Subject => {
    return { name, offer, rekeys: false };
  };
  for (const name of shared(kex, "kex")) yield subject(name, { kex: [name] });
  for (const name of shared(ciphers, "cipher")) yield subject(name, { ciphers: [name] });
  for (const name of shared(macs, "mac")) {
    yield subject(name, { ciphers: ["aes128-ctr"], macs: [name] });
  }
  yield subject("zlib@openssh.com", { compression: ["zlib@openssh.com"] });
  yield { ...subject("new keys while data flows", {}), rekeys: true };
}

/** Records all conversations in a role, one after another. */
async function record(
  role: Role,
  converse: (subject: Subject) => Promise<Unnamed>,
): Promise<void> {
  const recordings: Recording[] = [];
  for (const subject of subjects) {
    const recording = await converse(subject);
    recordings.push({ name: subject.name, ...recording });
  }
  const path = new URL(`./${role}.json`, import.meta.url).pathname;
  await Deno.writeTextFile(path, `${JSON.stringify(recordings, null, 2)}\n`);
  console.log(`${path}: ${recordings.length} conversations`);
}

/** Logs in to OpenSSH's server as whoever runs this. */
async function withServer(
  sshd: Sshd,
  { offer, rekeys }: Subject,
): Promise<Unnamed> {
  const user = Deno.env.get("USER") || "root";
  using conn = await sshd.connect();
  return await listenTo(conn, { role: "client", user, offer, rekeys, keySeed });
}

/** Lets OpenSSH's client log in. */
async function withClient(
  client: OpenSshClient,
  { offer, rekeys }: Subject,
): Promise<Unnamed> {
  const keyFile = `${directory}/key`;
  const inputFile = `${directory}/data`;
  await Deno.writeTextFile(keyFile, await formatPrivateKey(userKey), { mode: 0o600 });
  await Deno.writeFile(inputFile, DATA);
  const user = "ada";
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const running = client.run({
    port: listener.addr.port,
    hostKeys: [formatPublicKeyLine(hostKey.publicKey)],
    user,
    method: "publickey",
    password: "",
    keyFile,
    command: "cat",
    inputFile,
  });
  using conn = await listener.accept();
  const recording = await listenTo(conn, { role: "server", user, offer, rekeys, keySeed });
  const { status, stdoutSha256 } = await running;
  if (status !== 0 || stdoutSha256 !== toHex(sha256(DATA))) {
    throw new Error(`Cannot record: ssh got something else than it sent, and ${status}`);
  }
  return recording;
}

/** Converses up to the end of the connection, and notes what is said. */
async function listenTo(conn: Deno.TcpConn, setting: Setting): Promise<Unnamed> {
  const party = await Party.make(setting);
  const received: string[] = [];
  const sent: Uint8Array[] = [];
  const writer = conn.writable.getWriter();
  const take = async (bytes: Uint8Array): Promise<void> => {
    const answer = await party.receive(bytes);
    received.push(toBase64(bytes));
    sent.push(answer);
    if (answer.length > 0) await writer.write(answer);
  };
  await take(new Uint8Array(0));
  const buffer = new Uint8Array(CHUNK_BYTES);
  while (party.engine.closed === null) {
    const bytes = await conn.read(buffer);
    if (bytes === null) throw new Error("Cannot record: the connection was lost");
    await take(buffer.slice(0, bytes));
  }
  if (toHex(sha256(party.taken)) !== toHex(sha256(DATA))) {
    throw new Error(`Cannot record: the command failed\n${party.events.join("\n")}`);
  }
  return {
    ...setting,
    received,
    sentBytes: sent.map(({ length }) => length),
    sentSha256: toHex(sha256(concat(sent))),
    events: party.events,
  };
}
