/**
 * What has to hold of an engine whose connection was cut.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Engine } from "../../protocol/engine.ts";
import { DisconnectError } from "../../wire/errors.ts";
import type { ApplicationSink, RecordingChannelSink } from "./application_sink.ts";

/** An engine, and all that it tells. */
export interface CutEnd {
  readonly engine: Engine;
  readonly sink: ApplicationSink;
  /** Those that were opened, or asked for. */
  readonly channels: readonly RecordingChannelSink[];
}

/** Nothing hangs, nobody is left without word, and nobody is told twice. */
export function assertOver({ engine, sink, channels }: CutEnd, where: string): void {
  assert.ok(engine.closed instanceof DisconnectError, `${where}: ${engine.closed}`);
  assert.equal(sink.closed, engine.closed, where);
  assert.equal(sink.timesClosed, 1, where);
  assert.equal(engine.parked, null, where);
  assert.equal(engine.advance(1e9), null, where);
  assert.equal(engine.channelCount, 0, where);
  for (const { calls } of channels) {
    const ends = calls.filter((call) => call === "closed" || call.startsWith("open failure"));
    assert.equal(ends.length, 1, `${where}: ${calls}`);
    assert.equal(calls.at(-1), ends[0], where);
  }
  engine.takeOutput();
  engine.receive(new Uint8Array(10));
  assert.equal(engine.outputBytes, 0, where);
}
