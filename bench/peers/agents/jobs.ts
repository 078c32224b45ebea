/**
 * What agents are asked, and what they answer.
 *
 * @module
 */

/** Keys for both ends, in OpenSSH's format: those of the host, and of the user. */
export interface Keys {
  readonly hostKey: string;
  readonly userKey: string;
}

/** What a connection is to use: names of algorithms. */
export interface Choice extends Keys {
  readonly kex: string;
  readonly cipher: string;
  /** For ciphers that need one. */
  readonly mac: string | null;
}

/** What flows over a pair of ends in one process. */
export type Medium = "memory" | "tcp";

/** Every job: what it takes and what it gives. All times are in seconds unless they say otherwise. */
export interface Jobs {
  /** Listens on a free port of 127.0.0.1. Its sessions know `source N`, `sink` and `echo`. */
  listen: { takes: Keys; gives: { port: number } };
  /** Runs a command at a server, and reads all it says. */
  download: { takes: Remote & { command: string }; gives: Transfer };
  /** Runs a command at a server, and writes zeros to it; gives also what it said. */
  upload: { takes: Remote & { command: string; bytes: number }; gives: Transfer };
  /** Sends one byte at a time to a command that sends it back, so often or for so long. */
  latency: {
    takes: Remote & { command: string; rounds: number; limitMs: number };
    gives: { medianMs: number; p99Ms: number };
  };
  /** Moves bytes from a server to a client in the same process, and as many back. */
  exchange: { takes: Choice & { bytes: number }; gives: { down: Transfer; up: Transfer } };
  /** Runs short commands, so many at a time, on one connection in the same process. */
  runCommands: { takes: Choice & { count: number; atOnce: number }; gives: { seconds: number } };
  /** Makes connections with both ends in the same process, logs in, and closes them. */
  handshakes: {
    takes: Choice & { count: number; atOnce: number; medium: Medium };
    gives: { seconds: number };
  };
  /** Holds connections with both ends in the same process. */
  idle: { takes: Choice & { count: number; watchMs: number }; gives: Idleness };
  /** Moves bytes one way over a connection with a delay, for so long. */
  delayed: { takes: Choice & { delayMs: number; durationMs: number }; gives: Delayed };
  /** Keeps channels of one connection busy until so many bytes have come. */
  channels: { takes: Choice & { count: number; bytes: number }; gives: Shares };
  /** Listens for one connection, and moves packets over it that have nothing else of SSH. */
  bareListen: { takes: Bare; gives: BareListener };
  /** Does the arithmetic of so many logins, of both ends, one after another. */
  bareArithmetic: { takes: { count: number }; gives: { seconds: number } };
  /** Makes pairs of sockets, over which bytes go to and fro as at a login, and closes them. */
  bareSockets: { takes: { count: number; atOnce: number }; gives: { seconds: number } };
}

/** The name of a job. */
export type AgentMethod = keyof Jobs;

/** A server of this machine, and what to use there. */
export interface Remote extends Choice {
  readonly port: number;
}

/** Bytes that were moved. */
export interface Transfer {
  readonly bytes: number;
  readonly seconds: number;
}

/** What connections that do nothing cost; both ends of each are in the process. */
export interface Idleness {
  /** How much more memory there is in use than before, in bytes. */
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Outside of the heap: buffers. */
  readonly externalBytes: number;
  readonly seconds: number;
  /** While they were watched: how many timers woke, and how long the processor was busy. */
  readonly wakes: number;
  readonly busyMs: number;
}

/** How a connection with a delay did. */
export interface Delayed {
  /** In the last third of the time. */
  readonly bytesPerSecond: number;
  /** Over the whole time. */
  readonly averageBytesPerSecond: number;
  /** The most that was in use at one time beyond what was before, in bytes. */
  readonly peakResidentBytes: number;
  /** The most that was on its way, at one time, in bytes. */
  readonly peakInFlightBytes: number;
}

/** How channels shared a connection. */
export interface Shares extends Transfer {
  /** Bytes of the channel that got least, and of the one that got most. */
  readonly least: number;
  readonly most: number;
}

/** Packets that have a length, 32 KiB and a tag. */
export interface Bare {
  /** As SSH names them. */
  readonly cipher: string;
  readonly mac: string | null;
  /** Whether the agent seals packets, or opens them. */
  readonly way: "down" | "up";
  readonly packets: number;
}

/** Where packets are moved. */
export interface BareListener {
  readonly port: number;
  /** A packet that can be opened, in base64. It can be sent again and again. */
  readonly packet: string;
}
