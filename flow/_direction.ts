/**
 * The two halves that a flow is made of, as this end sees them.
 *
 * @module
 */

import type { Eof } from "./flow.ts";

/** Why a direction is broken. */
export interface Failure {
  readonly error: unknown;
  /** Whether a call of the application has been rejected with it. */
  told: boolean;
}

/** Where input comes from. */
export interface Inlet {
  /** Why reads are rejected, if they are. */
  readonly readFailure: Failure | null;
  /** What {@linkcode Flow.read} does. */
  read(): Promise<Uint8Array | typeof Eof>;
  /**
   * Throws away all input but for reads that wait already; reads that come later wait for its end.
   * Resolves at the end, rejects where the direction breaks.
   */
  discard(): Promise<void>;
  /** Rejects reads that wait and later ones, unless only the end is left to read. */
  failReads(failure: Failure): void;
}

/** Where output goes to. */
export interface Outlet {
  /** Why writes are rejected, if they are. */
  readonly writeFailure: Failure | null;
  /** What {@linkcode Flow.writev} does. */
  write(buffers: readonly Uint8Array[]): Promise<void>;
  /** What {@linkcode Flow.closeWrite} does. */
  end(): Promise<void>;
  /** Ends the direction, and waits until nothing of it is left to do. */
  finish(): Promise<void>;
  /** Rejects writes that wait and later ones. */
  failWrites(failure: Failure): void;
}
