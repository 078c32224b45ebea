/**
 * Two engines in one loop, and a seed that decides what happens next: which bytes arrive, which
 * step that is waited for is done, what the applications do, who wants new keys.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Signer } from "../../keys/types.ts";
import type { ClientAuthMethod } from "../../protocol/auth/client.ts";
import { publicKey } from "../../protocol/auth/publickey.ts";
import type {
  ChannelLimits,
  ChannelSink,
  EngineChannel,
  IncomingChannelRequest,
} from "../../protocol/connection/channel.ts";
import { Engine } from "../../protocol/engine.ts";
import type { Algorithms } from "../../protocol/transport/algorithms.ts";
import type { RekeyLimits } from "../../protocol/transport/transport.ts";
import { ApplicationSink } from "./application_sink.ts";
import { concat } from "./bytes.ts";
import { type Dice, dice } from "./dice.ts";
import { clientOptions, serverOptions, testHostKey } from "./engine_pair.ts";
import { makeNoise } from "./noise.ts";
import { seededRandom } from "./seeded_random.ts";
import { slowCipher } from "./slow_cipher.ts";

/** What a run is about. */
export interface RunOptions {
  readonly seed: number;
  readonly algorithms: Algorithms;
  /** Whether packets may be at the cipher for long, and overtake each other there. */
  readonly slowCiphers?: boolean;
  /** How many bytes each end sends on each channel. */
  readonly bytes: number;
  readonly channels?: number;
  /** The most bytes that arrive at once: many, unless given. */
  readonly mostAtOnce?: number;
  /** How often in a hundred packets there is noise before one. */
  readonly noise?: number;
  readonly rekey?: Partial<RekeyLimits>;
  /** How often in a thousand steps an end asks for new keys. */
  readonly rekeys?: number;
  /** The steps at which one end, or both at once, ask for new keys. */
  readonly rekeyAt?: ReadonlyMap<number, "client" | "server" | "both">;
}

/** What came of a run. */
export interface RunResult {
  readonly steps: number;
  readonly exchanges: number;
}

/** One end of a channel, with an application that sends, takes, asks, and closes. */
class Talker implements ChannelSink {
  readonly sent: Uint8Array[] = [];
  readonly got: Uint8Array[] = [];
  readonly #dice: Dice;
  channel: EngineChannel | null = null;
  closed = 0;
  opened = false;
  #left: number;
  #untaken = 0;
  #gotEof = false;
  #sentEof = false;
  #closing = false;
  #asked: number[] = [];
  #asking = 0;
  #requests: IncomingChannelRequest[] = [];
  #questions = 3;

  constructor(random: Dice, bytes: number) {
    this.#dice = random;
    this.#left = bytes;
  }

  get done(): boolean {
    return this.closed > 0;
  }

  onOpen(): void {
    this.opened = true;
  }
  onOpenFailure(): void {
    assert.fail("refused");
  }
  onData(data: Uint8Array, type: number): void {
    assert.equal(this.#gotEof, false, "data after EOF");
    this.#untaken += data.length;
    this.got.push(Uint8Array.of(type), data);
  }
  onEof(): void {
    this.#gotEof = true;
  }
  onRequest(request: IncomingChannelRequest): void {
    this.#requests.push(request);
  }
  onWindow(): void {}
  onClosed(reason: unknown): void {
    assert.equal(reason, null);
    this.closed++;
  }

  /** What the application can do now. */
  choices(): (() => void)[] {
    const channel = this.channel;
    const choices: (() => void)[] = [];
    if (channel === null || !this.opened || this.closed > 0) return choices;
    if (this.#left > 0 && channel.sendableBytes > 0) choices.push(() => this.#send(channel));
    if (this.#untaken > 0) choices.push(() => this.#take(channel));
    if (this.#requests.length > 0) choices.push(() => this.#answer());
    if (this.#questions > 0 && !this.#closing) choices.push(() => this.#ask(channel));
    if (this.#left === 0 && !this.#sentEof) choices.push(() => this.#finish(channel));
    const settled = this.#sentEof && this.#gotEof && this.#untaken === 0 &&
      this.#requests.length === 0 && this.#asking === 0 && this.#questions === 0;
    if (settled && !this.#closing) choices.push(() => this.#close(channel));
    return choices;
  }

  #send(channel: EngineChannel): void {
    const most = Math.min(channel.sendableBytes, this.#left);
    const length = 1 + this.#dice.below(most);
    const data = new Uint8Array(length).fill(this.#left);
    const type = this.#dice.chance(20) ? 1 : 0;
    this.#left -= length;
    this.sent.push(Uint8Array.of(type), data);
    channel.sendData(data, type);
  }

  #take(channel: EngineChannel): void {
    const bytes = 1 + this.#dice.below(this.#untaken);
    this.#untaken -= bytes;
    channel.take(bytes);
  }

  #ask(channel: EngineChannel): void {
    const question = this.#questions--;
    this.#asking++;
    this.#asked.push(question);
    channel.sendRequest("question", Uint8Array.of(question), (success) => {
      // Replies carry no numbers: they have to come in the order of the questions.
      assert.equal(success, this.#asked.shift() === 2);
      this.#asking--;
    });
  }

  #answer(): void {
    // Answered in any order; the engine has to put that right.
    const [request] = this.#requests.splice(this.#dice.below(this.#requests.length), 1);
    request?.reply(request.payload[0] === 2);
  }

  #finish(channel: EngineChannel): void {
    this.#sentEof = true;
    channel.sendEof();
  }

  #close(channel: EngineChannel): void {
    this.#closing = true;
    channel.sendClose();
  }
}

/** One end of the connection, and what is on its way to it. */
interface End {
  readonly engine: Engine;
  readonly sink: ApplicationSink;
  /** Bytes under way to this end. */
  inbox: Uint8Array;
  /** Steps that this end waits for. */
  readonly steps: (() => void)[];
  readonly talkers: Talker[];
}

/** A step that is done when the seed says so. */
function stepIn(steps: (() => void)[]): Promise<void> {
  return new Promise((resolve) => steps.push(resolve));
}

function slowSigner(signer: Signer, steps: (() => void)[]): Signer {
  return {
    publicKey: signer.publicKey,
    async sign(algorithm, data) {
      await stepIn(steps);
      return await signer.sign(algorithm, data);
    },
  };
}

/** Runs two engines until both applications have had all that the other sent, and closed. */
export async function run(options: RunOptions): Promise<RunResult> {
  const random = dice(options.seed);
  using _noise = makeNoise(() => random.chance(options.noise ?? 0));
  const { client, server, exchanges } = await makeEnds(options, random);
  const limits = (): ChannelLimits => ({
    windowBytes: 30 + random.below(random.pick([200, 5000, 100_000])),
    maxPacketBytes: 30 + random.below(random.pick([200, 5000, 32768])),
  });
  let steps = 0;
  let toOpen = options.channels ?? 2;
  let sessionId: Uint8Array | undefined;

  while (true) {
    await rest([client, server]);
    for (const { engine } of [client, server]) assert.equal(engine.closed, null);
    collect(client, server);
    const choices: (() => void)[] = [];
    for (const end of [client, server]) {
      if (end.inbox.length > 0) {
        choices.push(() => deliver(end, random, options.mostAtOnce ?? 3000));
      }
      if (end.steps.length > 0) {
        choices.push(() => end.steps.splice(random.below(end.steps.length), 1)[0]?.());
      }
    }
    const connected = client.engine.user !== null && server.engine.user !== null;
    if (connected) {
      sessionId ??= client.engine.info?.sessionId;
      askForKeys(client, server, random, options, steps);
      if (toOpen > 0) choices.push(() => open(client, random, limits(), options.bytes, toOpen--));
      if (server.sink.opens.length > server.talkers.length) {
        choices.push(() => accept(server, random, limits(), options.bytes));
      }
      for (const talker of [...client.talkers, ...server.talkers]) {
        choices.push(...talker.choices());
      }
    }
    const all = [...client.talkers, ...server.talkers];
    const finished = connected && toOpen === 0 && all.length === 2 * (options.channels ?? 2) &&
      all.every(({ done }) => done);
    if (finished && client.inbox.length + server.inbox.length === 0) {
      if (client.steps.length + server.steps.length === 0) break;
    }
    if (choices.length > 0) random.pick(choices)();
    steps++;
    assert.ok(steps < 500_000, "they do not come to an end");
  }
  check(client, server, sessionId);
  return { steps, exchanges: exchanges() };
}

async function makeEnds(options: RunOptions, random: Dice): Promise<{
  client: End;
  server: End;
  exchanges: () => number;
}> {
  const { seed, rekey = {} } = options;
  const hostKey = await testHostKey();
  const sinks = { client: new ApplicationSink(), server: new ApplicationSink() };
  const steps: { client: (() => void)[]; server: (() => void)[] } = { client: [], server: [] };
  let exchanges = 0;
  const clientRandom = seededRandom(seed);
  const methods: ClientAuthMethod[] = [
    publicKey(slowSigner(hostKey, steps.client), { probe: seed % 2 === 0 }),
  ];
  const client = new Engine(clientOptions(sinks.client, {
    client: {
      algorithms: algorithmsOf(options, steps.client, random),
      rekey,
      random(length) {
        // A KEXINIT's cookie.
        if (length === 16) exchanges++;
        return clientRandom(length);
      },
      verifyHostKey: () => stepIn(steps.client),
    },
    clientAuth: { methods },
  }));
  const server = new Engine(
    await serverOptions(sinks.server, {
      server: {
        algorithms: algorithmsOf(options, steps.server, random),
        rekey,
        random: seededRandom(seed + 0.5),
        hostKeys: [slowSigner(hostKey, steps.server)],
      },
      serverAuth: { authenticate: () => stepIn(steps.server).then(() => true) },
    }),
  );
  const empty = new Uint8Array(0);
  return {
    client: { engine: client, sink: sinks.client, inbox: empty, steps: steps.client, talkers: [] },
    server: { engine: server, sink: sinks.server, inbox: empty, steps: steps.server, talkers: [] },
    exchanges: () => exchanges,
  };
}

function algorithmsOf(
  { algorithms, slowCiphers }: RunOptions,
  steps: (() => void)[],
  random: Dice,
): Algorithms {
  if (slowCiphers !== true) return algorithms;
  const ciphers = algorithms.ciphers.map((cipher) => slowCipher(cipher, steps, random));
  return { ...algorithms, ciphers };
}

/** Lets cryptography that is not synchronous come to its end, so that the seed decides the rest. */
async function rest(ends: readonly End[]): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
  for (const { engine, steps } of ends) {
    while ((engine.parked ?? engine.sealing) !== null && steps.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}

function collect(client: End, server: End): void {
  for (const [from, to] of [[client, server], [server, client]] as const) {
    const output = from.engine.takeOutput();
    if (output.length > 0) to.inbox = concat([to.inbox, ...output]);
  }
}

function deliver(end: End, random: Dice, mostAtOnce: number): void {
  const length = 1 + random.below(Math.min(end.inbox.length, mostAtOnce));
  const piece = end.inbox.slice(0, length);
  end.inbox = end.inbox.subarray(length);
  end.engine.receive(piece);
}

function open(
  { engine, talkers }: End,
  random: Dice,
  limits: ChannelLimits,
  bytes: number,
  number: number,
): void {
  const talker = new Talker(random, bytes);
  talker.channel = engine.openChannel("talk", Uint8Array.of(number), limits, talker);
  talkers.push(talker);
}

function accept({ sink, talkers }: End, random: Dice, limits: ChannelLimits, bytes: number): void {
  const talker = new Talker(random, bytes);
  const incoming = sink.opens[talkers.length];
  talkers.push(talker);
  talker.opened = true;
  talker.channel = incoming?.accept(talker, limits) ?? null;
}

function askForKeys(
  client: End,
  server: End,
  random: Dice,
  { rekeys = 0, rekeyAt }: RunOptions,
  step: number,
): void {
  const who = rekeyAt?.get(step) ??
    (random.chance(rekeys / 10) ? random.pick(["client", "server", "both"] as const) : null);
  if (who === "client" || who === "both") client.engine.rekey();
  if (who === "server" || who === "both") server.engine.rekey();
}

function check(client: End, server: End, sessionId: Uint8Array | undefined): void {
  for (const [i, ours] of client.talkers.entries()) {
    const theirs = server.talkers[i];
    assert.ok(theirs);
    assert.deepEqual(byType(theirs.got), byType(ours.sent));
    assert.deepEqual(byType(ours.got), byType(theirs.sent));
    assert.deepEqual([ours.closed, theirs.closed], [1, 1]);
  }
  for (const { engine, sink } of [client, server]) {
    assert.equal(engine.closed, null);
    assert.equal(engine.channelCount, 0);
    assert.equal(engine.parked, null);
    assert.deepEqual(engine.info?.sessionId, sessionId);
    assert.equal(sink.timesClosed, 0);
  }
}

/** All bytes of each type, in order: packets may have cut them anywhere. */
function byType(pieces: readonly Uint8Array[]): Uint8Array[] {
  const types: [Uint8Array[], Uint8Array[]] = [[], []];
  for (let i = 0; i < pieces.length; i += 2) {
    const data = pieces[i + 1];
    if (data !== undefined) types[pieces[i]?.[0] === 1 ? 1 : 0].push(data);
  }
  return types.map(concat);
}
